// What do processes of apps get, and what happens when they misbehave?
import { access, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testArchiver } from '@deis/machine/archive-testing'
import { openCopies } from '@deis/machine/copies'
import { processesOf, withVariable } from '@deis/machine/pid'
import { slugFile } from '@deis/machine/slugs'
import { until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import {
  DeployFailure,
  type Artifact,
  type Formation,
  type ObservedPod,
  type ProcessSpec,
  type Scheduler,
} from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { freePorts, openTestbed, type Testbed } from './testbed.ts'

const never = new AbortController().signal
const quiet = (): void => {}

/** Answers what it is asked for; falls ill on request; ends slowly when told to. */
const server = `import { createServer } from 'node:http'
let ill = false
let held
process.on('SIGTERM', () => {
  console.log('got TERM')
  if (process.env.STUBBORN) return
  process.exit(0)
})
createServer((request, response) => {
  if (request.url === '/ill') ill = true
  if (request.url === '/exit') process.exit(4)
  if (request.url === '/env') return response.end(JSON.stringify(process.env))
  if (request.url === '/who') return response.end(JSON.stringify({ uid: process.getuid(), cwd: process.cwd(), pid: process.pid }))
  if (request.url === '/hold') return (held = response)
  if (request.url === '/finish') held.end('finished')
  response.statusCode = request.url === '/health' && ill ? 500 : 200
  response.end('fine')
}).listen(process.env.OTHER_PORT ?? process.env.PORT, process.env.HOST_TO_USE)
`

const copies = openCopies()

describe.concurrent('processes', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let slug: Artifact
  let apps = 0
  beforeAll(async () => {
    testbed = await openTestbed()
    scheduler = await createProcessScheduler(testbed.options({ locale: { LANG: 'C.UTF-8' }, copies }))
    slug = await testbed.slug({
      'server.mjs': server,
      '.profile.d/10-first.sh': 'export FROM_PROFILE=first\nset -- changed\n',
      '.profile.d/20-second.sh': 'export FROM_PROFILE="$FROM_PROFILE second in $HOME"\n',
      '.profile.d/notes.txt': 'exit 9\n',
    })
  })
  afterAll(async () => {
    await scheduler.close({ stop: true })
    await testbed.remove()
  })

  const web = (more: Partial<ProcessSpec> = {}): ProcessSpec => ({
    command: 'node server.mjs',
    replicas: 1,
    graceSeconds: 5,
    ...more,
  })
  const formation = (app: string, processes: Formation['processes'], more: Partial<Formation> = {}): Formation =>
    testFormation(app, 1, slug, processes, { port: null, ...more })
  const newApp = (): string => `process-${++apps}`
  const apply = (wanted: Formation): Promise<void> => scheduler.apply(wanted, never, quiet)
  const first = async (app: string): Promise<ObservedPod> => {
    const [pod] = await scheduler.observe(app)
    if (!pod) throw new Error(`${app} has no pods`)
    return pod
  }
  const get = async (app: string, path: string): Promise<string> => testbed.get((await first(app)).address ?? '', path)
  /** Its process exits with code 4 instead of an answer. */
  const ends = (app: string): Promise<void> => expect(get(app, '/exit')).rejects.toThrow()
  const failure = async (wanted: Formation): Promise<DeployFailure> => {
    const thrown = await apply(wanted).catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(DeployFailure)
    expect(await scheduler.observe(wanted.app)).toEqual([])
    return thrown as DeployFailure
  }
  const texts = async (app: string): Promise<string[]> =>
    (await scheduler.logs(app, { lines: 1000 })).map((line) => line.text)
  const logged = (app: string, text: string) =>
    until(`${app} logged ${text}`, async () => (await texts(app)).find((line) => line.includes(text)) ?? false)

  test('the first process gets the copy of the slug that is ready, and others get their own', async () => {
    const app = newApp()
    const runAs = await testbed.accounts.of(app)
    const folder = join(testbed.folder, `${app}-copy`)
    await mkdir(folder, { mode: 0o700 })
    if (slug.kind !== 'slug') throw new Error('no slug')
    if (runAs) await chown(folder, runAs.uid, runAs.gid)
    await testArchiver.unpackSlug(slugFile(join(testbed.folder, 'slugs'), slug.digest), [folder], { runAs })
    const { ino } = await stat(join(folder, 'server.mjs'))
    copies.offer({ app, digest: slug.digest, folder })
    await apply(formation(app, { web: web({ replicas: 2 }) }))
    const homes = (await scheduler.observe(app)).map(({ name }) => join(testbed.folder, 'pods', app, name, 'app'))
    const found = await Promise.all(homes.map((home) => stat(join(home, 'server.mjs'))))
    expect(found.filter((one) => one.ino === ino)).toHaveLength(1)
    for (const home of homes) expect((await stat(home)).mode & 0o777).toBe(0o700)
    await expect(access(folder)).rejects.toThrow('ENOENT')
  })

  test('the environment is the formation’s, the platform’s few variables and nothing of the controller’s', async () => {
    const app = newApp()
    const given = { SECRET: 'x y"$(z)', script: 'given' }
    await apply(formation(app, { web: web() }, { env: { ...given, PORT: '5000', HOME: '/elsewhere' } }))
    const env = JSON.parse(await get(app, '/env')) as Record<string, string>
    const pod = await first(app)
    const home = join(testbed.folder, 'pods', app, pod.name, 'app')
    const { PATH: _path, SHLVL: _level, _: _last, OLDPWD: _old, ...rest } = env
    expect(rest).toEqual({
      ...given,
      PORT: pod.address?.split(':').at(-1),
      HOME: home,
      PWD: home,
      LANG: 'C.UTF-8',
      DEIS_POD: pod.name,
      TMPDIR: join(testbed.folder, 'pods', app, pod.name, 'tmp'),
      FROM_PROFILE: `first second in ${home}`,
    })
    expect(pod.name).toMatch(new RegExp(`^${app}-web-[0-9]{8,10}-[a-z0-9]{5}$`))
  })

  test('secrets are in no file of the platform and in no argument', async () => {
    const app = newApp()
    await apply(formation(app, { web: web() }, { env: { TOKEN: 'very-secret-token' } }))
    const pids = await withVariable('DEIS_POD', (await first(app)).name)
    expect(pids.length).toBeGreaterThan(0)
    for (const name of ['state.json', ...(await readdir(join(testbed.folder, 'pods', app)))])
      expect(await readFile(join(testbed.folder, 'pods', app, name), 'utf8').catch(() => '')).not.toContain(
        'secret-token',
      )
    for (const pid of pids) expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('secret-token')
  })

  test('each app has a user of its own and a copy nobody else can enter', async ({ skip }) => {
    if (!testbed.accounts.isolated) skip(testbed.accounts.reason)
    const [one, other] = [newApp(), newApp()]
    await apply(formation(one, { web: web() }))
    await apply(formation(other, { web: web() }))
    type Who = { uid: number; cwd: string }
    const [a, b] = [JSON.parse(await get(one, '/who')) as Who, JSON.parse(await get(other, '/who')) as Who]
    expect(new Set([0, a.uid, b.uid]).size).toBe(3)
    const spy = async (command: string): Promise<number> =>
      scheduler.run({ ...formation(other, {}), command, timeoutSeconds: 20 }, { output: quiet, signal: never })
    expect(await spy(`ls ${a.cwd}`)).not.toBe(0)
    expect(await spy(`ls ${join(testbed.folder, 'pods', one)}`)).not.toBe(0)
    expect(await spy('touch written && echo out > /dev/stdout')).toBe(0)
  })

  test('an app that listens on ::1 only is reached there', async () => {
    const app = newApp()
    await apply(formation(app, { web: web() }, { env: { HOST_TO_USE: '::1' } }))
    expect((await first(app)).address).toMatch(/^\[::1\]:\d+$/)
    expect(await get(app, '/')).toBe('fine')
  })

  test('who listens elsewhere is told where', async () => {
    const app = newApp()
    const other = await freePorts()
    const env = { OTHER_PORT: String(other) }
    const failed = await failure(formation(app, { web: web() }, { env, deployTimeoutSeconds: 12 }))
    const [, port] =
      /^web did not listen on PORT \((\d+)\) within 12 s; it listens on port \d+ instead$/.exec(failed.message) ?? []
    expect(failed.message).toContain(`it listens on port ${other} instead`)
    expect(Number(port)).toBeGreaterThanOrEqual(testbed.firstPort)
    expect(failed.hint).toContain('environment variable PORT')
  })

  test('a command that does not exist is named', async () => {
    const failed = await failure(formation(newApp(), { web: web({ command: 'no-such-program' }) }))
    expect(failed.message).toBe('web exited with code 127 before it was ready')
    expect(failed.evidence.join('\n')).toContain('no-such-program')
    expect(failed.hint).toContain('Procfile')
  })

  test('a worker that ends at once has failed, even well', async () => {
    const failed = await failure(formation(newApp(), { worker: web({ command: 'echo done' }) }))
    expect(failed.message).toBe('worker exited with code 0 before it was ready')
    expect(failed.evidence).toEqual(['done'])
    expect(failed.hint).toContain('deis run')
  })

  test('at most twenty lines of evidence, the last ones', async () => {
    const failed = await failure(
      formation(newApp(), { web: web({ command: 'for i in $(seq 30); do echo line $i; done; printf end; exit 2' }) }),
    )
    expect(failed.evidence.length).toBeLessThanOrEqual(20)
    expect(failed.evidence.slice(-2)).toEqual(['line 30', 'end'])
  })

  test('a slug that is not there, an image, or no command at all fail before anything starts', async () => {
    const app = newApp()
    const missing = { kind: 'slug', digest: `sha256:${'1'.repeat(64)}` } as const
    expect((await failure(formation(app, { web: web() }, { artifact: missing }))).message).toContain(missing.digest)
    const image = { kind: 'image', reference: 'tea:1', launcher: 'none' } as const
    expect((await failure(formation(app, { web: web() }, { artifact: image }))).message).toContain('cannot run images')
    expect((await failure(formation(app, { web: web({ command: null }) }))).message).toBe('web has no command')
    expect((await scheduler.capabilities()).images).toBe(false)
  })

  test('a damaged slug and a config that no process can have are the deploy’s failure', async () => {
    const app = newApp()
    const digest = `sha256:${'2'.repeat(64)}`
    await writeFile(slugFile(testbed.options().slugFolder, digest), 'no archive')
    const damaged = await failure(formation(app, { web: web() }, { artifact: { kind: 'slug', digest } }))
    expect(damaged.message).toContain('web could not be started')
    const bad = await failure(formation(app, { web: web() }, { env: { KEY: 'secret\0value' } }))
    expect(bad.message).toContain('"KEY" contains a null byte')
    expect(bad.message).not.toContain('secret')
  })

  test('requests under way are answered before the process is told to end', async () => {
    const app = newApp()
    await apply(formation(app, { web: web() }))
    const old = await first(app)
    const held = testbed.get(old.address ?? '', '/hold')
    await apply(formation(app, { web: web() }, { release: 2 }))
    expect(await texts(app)).not.toContain('got TERM')
    expect((await scheduler.observe(app)).find((pod) => pod.name === old.name)).toMatchObject({
      state: 'terminating',
      address: null,
    })
    await testbed.get(old.address ?? '', '/finish')
    expect(await held).toBe('finished')
    await until('the old one is gone', async () => (await scheduler.observe(app)).length === 1)
    expect(await texts(app)).toContain('got TERM')
    expect(await withVariable('DEIS_POD', old.name)).toEqual([])
  })

  test('who does not end is killed after the grace period, with all its children', async () => {
    const app = newApp()
    const command = '(sleep 601 & setsid sleep 602 & node server.mjs)'
    await apply(formation(app, { web: web({ command, graceSeconds: 0.5 }) }, { env: { STUBBORN: '1' } }))
    const { name } = await first(app)
    expect((await withVariable('DEIS_POD', name)).length).toBeGreaterThanOrEqual(3)
    await apply(formation(app, { web: web({ replicas: 0 }) }))
    await until('it is gone', async () => (await scheduler.observe(app)).length === 0)
    expect(await texts(app)).toContain('got TERM')
    expect(await withVariable('DEIS_POD', name)).toEqual([])
    await expect(access(join(testbed.folder, 'pods', app, name))).rejects.toThrow('ENOENT')
  })

  test('many processes of one app start and end without a warning of Node.js', async () => {
    const warnings: string[] = []
    const warned = ({ message }: Error): void => void warnings.push(message)
    process.on('warning', warned)
    const app = newApp()
    const command = 'trap "" TERM; while :; do sleep 600; done'
    const worker = (replicas: number) => ({ worker: web({ command, replicas, graceSeconds: 0.5 }) })
    await apply(formation(app, worker(12), { routable: null }))
    await apply(formation(app, worker(0), { routable: null }))
    await until('they are gone', async () => (await scheduler.observe(app)).length === 0)
    process.off('warning', warned)
    expect(warnings).toEqual([])
  })

  test('a crash is logged, comes back with the same name and port, waits longer each time', async () => {
    const app = newApp()
    const command = 'if [ -e /dev/null ]; then node server.mjs; exit $?; fi'
    await apply(formation(app, { web: web({ command }) }))
    const pod = await first(app)
    await ends(app)
    await logged(app, 'process exited with code 4, restarting in 1s')
    await until('it is up again', async () => (await first(app)).state === 'up')
    await ends(app)
    await logged(app, 'process exited with code 4, restarting in 2s')
    const lines = await scheduler.logs(app, { lines: 10 })
    const source = `web.v1.${pod.name.slice(-5)}`
    expect(lines.map((line) => `${line.source} ${line.text}`)).toEqual([
      `${source} process exited with code 4, restarting in 1s`,
      `${source} process exited with code 4, restarting in 2s`,
    ])
    const again = await first(app)
    expect(again).toMatchObject({ name: pod.name, state: 'error' })
    expect(again.started.getTime()).toBeGreaterThan(pod.started.getTime())
  })

  test('each start has a fresh copy', async () => {
    const app = newApp()
    const command = 'ls; touch left-over; exec node server.mjs'
    await apply(formation(app, { web: web({ command }) }))
    await ends(app)
    await until(
      'it listed its files twice',
      async () => (await texts(app)).filter((one) => one === 'server.mjs').length > 1,
    )
    expect(await texts(app)).not.toContain('left-over')
  })

  test('a failing liveness probe restarts the process', async () => {
    const app = newApp()
    const livenessProbe = {
      httpGet: { port: 5000, path: '/health' },
      initialDelaySeconds: 1,
      periodSeconds: 0.1,
      // A busy machine takes a while until the app listens.
      failureThreshold: 30,
    }
    await apply(formation(app, { web: web({ livenessProbe }) }))
    const pod = await first(app)
    await get(app, '/ill')
    await logged(app, 'liveness probe failed: GET /health answered 500')
    await until('it is up again', async () => {
      const again = await first(app)
      return again.state === 'up' && again.started.getTime() > pod.started.getTime()
    })
    expect((await first(app)).name).toBe(pod.name)
  })

  test('readiness follows the probe: on its own PORT, by command, and back out of service', async () => {
    const app = newApp()
    const readinessProbe = { httpGet: { port: 8123, path: '/health' }, periodSeconds: 0.1, failureThreshold: 2 }
    await apply(formation(app, { web: web({ readinessProbe }) }, { env: { PORT: '8123' } }))
    expect((await first(app)).state).toBe('up')
    await get(app, '/ill')
    await until('it is out of service', async () => {
      const pod = await first(app)
      return pod.address === null && pod.state === 'starting'
    })
    const exec = (command: string[]) => ({ web: web({ readinessProbe: { exec: { command } } }) })
    await apply(formation(app, exec(['node', '-e', 'process.exit(process.env.DEIS_POD ? 0 : 1)']), { release: 2 }))
    const wanted = formation(newApp(), exec(['false']), { deployTimeoutSeconds: 10 })
    const failed = await failure(wanted)
    expect(failed.message).toBe('web was not ready within 10 s: its readiness probe fails: false exited with code 1')
  })

  test('a kept pod loses and regains its address when the app’s routing is switched', async () => {
    const app = newApp()
    await apply(formation(app, { web: web() }))
    const pod = await first(app)
    await apply(formation(app, { web: web() }, { routable: null }))
    expect(await first(app)).toEqual({ ...pod, address: null })
    await apply(formation(app, { web: web() }))
    expect(await first(app)).toEqual(pod)
  })

  test('output of a command is whole, capped, and in the app’s log', async () => {
    const app = newApp()
    let output = ''
    const io = { output: (chunk: string) => void (output += chunk), signal: never }
    const oneOff = (command: string) => ({ ...formation(app, {}), command, timeoutSeconds: 20 })
    expect(await scheduler.run(oneOff('echo out; echo err >&2; printf "half ä"; kill -9 $$'), io)).toBe(137)
    expect(output).toBe('out\nerr\nhalf ä')
    const lines = await scheduler.logs(app, { lines: 10 })
    expect(lines.map((line) => line.text)).toEqual(['out', 'err', 'half ä'])
    expect(lines[0]?.source).toMatch(/^run\.v1\.[a-z0-9]{5}$/)
    output = ''
    expect(await scheduler.run(oneOff('head -c 12000000 /dev/zero | tr "\\0" "a"; echo; echo the end'), io)).toBe(0)
    expect(output.length).toBeLessThan(10 * 1024 * 1024 + 200)
    expect(output.endsWith('\nOutput is longer than 10485760 bytes: the rest is left out.\n')).toBe(true)
  })

  test('a command that is cancelled does not leave its children', async () => {
    const app = newApp()
    const cancel = new AbortController()
    const oneOff = { ...formation(app, {}), command: 'sleep 603 & setsid sleep 604 & wait', timeoutSeconds: 20 }
    const running = scheduler.run(oneOff, { output: quiet, signal: cancel.signal })
    const outcome = expect(running).rejects.toThrow('enough')
    const pod = await until('its children run', async () => {
      const [one] = await scheduler.observe(app)
      return one && (await withVariable('DEIS_POD', one.name)).length >= 3 ? one : false
    })
    cancel.abort(new Error('enough'))
    await outcome
    expect(await withVariable('DEIS_POD', pod.name)).toEqual([])
  })

  test('remove ends the app’s user with everything it runs, and deletes every file', async ({ skip }) => {
    if (!testbed.accounts.isolated) skip(testbed.accounts.reason)
    const app = newApp()
    // Hides from its group and from its pod.
    const command = 'env -u DEIS_POD setsid sleep 605 & exec node server.mjs'
    await apply(formation(app, { web: web({ command }) }))
    const { uid } = JSON.parse(await get(app, '/who')) as { uid: number }
    await until('the hidden one runs', async () => (await processesOf(uid)).length === 2)
    await scheduler.remove(app, never)
    expect(await processesOf(uid)).toEqual([])
    await expect(access(join(testbed.folder, 'pods', app))).rejects.toThrow('ENOENT')
    expect((await readdir(join(testbed.folder, 'logs'))).filter((name) => name.startsWith(`${app}.`))).toEqual([])
    expect(JSON.parse(await readFile(join(testbed.folder, 'users.json'), 'utf8'))).not.toHaveProperty(app)
  })

  test('remove in the middle of a deploy wins', async () => {
    const app = newApp()
    const deploying = apply(formation(app, { web: web({ command: 'sleep 606' }) }))
    const outcome = expect(deploying).rejects.toThrow(`${app} was removed`)
    const pod = await until('it has started', async () => {
      const [one] = await scheduler.observe(app)
      return one && (await withVariable('DEIS_POD', one.name)).length > 0 ? one : false
    })
    await scheduler.remove(app, never)
    await outcome
    expect(await withVariable('DEIS_POD', pod.name)).toEqual([])
    await expect(access(join(testbed.folder, 'pods', app))).rejects.toThrow('ENOENT')
  })

  test.sequential('close with stop ends everything, and the group is really gone', async () => {
    const app = newApp()
    await apply(formation(app, { web: web() }))
    const { name } = await first(app)
    expect((await withVariable('DEIS_POD', name)).length).toBeGreaterThan(0)
    await scheduler.close({ stop: true })
    expect(await withVariable('DEIS_POD', name)).toEqual([])
    expect(testbed.logged).toEqual([])
    scheduler = await createProcessScheduler(testbed.options())
    expect(await scheduler.observe(app)).toEqual([])
    expect(await texts(app)).toContain('got TERM')
  })
})
