// Do the programs that run in containers work, the scripts in every shell there may be?
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { writeFiles } from '@deis/buildpacks/testing'
import { groupMembers } from '@deis/machine/pid'
import { readProfile } from '@deis/machine/profile'
import { lingering } from '../scheduler/run/linger.ts'
import bootstrap from './build-bootstrap.ts?program'
import buildProgram from './dockerfile-build.sh'
import handshake from '@deis/container/programs/session-handshake.sh'
import host from '@deis/container/programs/session-host.sh'
import signalProgram from '@deis/container/programs/session-signal.sh'
import slugCommand from '@deis/container/programs/session-slug.sh'

const run = promisify(execFile)
const shells = [['dash'], ['bash'], ['bash', '--posix'], ['busybox', 'sh']]
const there = await Promise.all(
  shells.map(async (shell) => {
    const [file = '', ...rest] = shell
    return run(file, [...rest, '-c', ':']).then(
      () => [shell],
      () => [],
    )
  }),
)
const found = there.flat().map((shell) => ({ name: shell.join(' '), shell }))

describe.each(found)('in $name', ({ shell: [file = '', ...before] }) => {
  const children: ChildProcess[] = []
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL')
      // What it left in a group of its own.
      if (child.pid !== undefined && (await groupMembers(child.pid)).length > 0) process.kill(-child.pid, 'SIGKILL')
    }
  })
  const say = async (input: string, ...rest: [session: string, term: string, launch: string, input: string]) => {
    const child = spawn(file, [...before, '-c', handshake, 'deis', '<ask>', '<go>', ...rest, command])
    children.push(child)
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { out, err, code: code as number }
  }
  const command = 'printf "%s %s " "$TERM" "$DEIS_SESSION"; cat; echo bad >&2; exit 3'

  test('a command waits for `go`, and gets all input after it', async () => {
    const session = randomBytes(8).toString('hex')
    expect(await say('ask\nsomething\nask\ngo\none\ntwo', session, 'vt100', 'shell', 'some')).toEqual({
      out: `<ask>;<ask>;<go>vt100 ${session} one\ntwo`,
      err: 'bad\n',
      code: 3,
    })
    expect(await say('go\nnot read', session, 'vt100', 'either', 'none')).toEqual({
      out: `<go>vt100 ${session} `,
      err: 'bad\n',
      code: 3,
    })
  })

  test.each([
    { title: '`no`', input: 'no\ngo\n', out: '' },
    { title: 'the end of the input', input: 'ask\n', out: '<ask>;' },
    { title: '`go` without a newline', input: 'go', out: '' },
  ])('a command does not begin after $title', async ({ input, out }) => {
    expect(await say(input, 's', '', 'shell', 'some')).toEqual({ out, err: '', code: 1 })
  })

  test.each([
    { command: 'echo out; echo err >&2; exit 3', out: 'out\n', err: 'err\n', code: 3 },
    { command: 'kill -TERM $$', out: '', err: '', code: 143 },
    { command: 'trap "echo caught; exit 7" INT; kill -INT -- -$PPID 0; sleep 5', out: 'caught\n', err: '', code: 7 },
  ])('the exit code follows the end marker: $command', async ({ command: wanted, out, err, code }) => {
    const words = ['<end>', handshake, 'deis', '<ask>', '<go>', 's', '', 'shell', 'none', wanted]
    const child = spawn(file, [...before, '-c', host, 'deis', ...words], { detached: true })
    children.push(child)
    const printed = { out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => void (printed.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => void (printed.err += chunk.toString()))
    child.stdin.write('go\n')
    const last = `<end>${code};`
    await expect.poll(() => printed, { timeout: 10_000 }).toEqual({ out: `<go>${out}${last}`, err: `${err}${last}` })
    const ended = once(child, 'exit')
    // It stays until it gets a signal, which may come a moment before it waits for one.
    await expect
      .poll(() => {
        child.kill('SIGTERM')
        return child.exitCode
      })
      .toBe(code)
    await ended
  })

  test('config of any name reaches a command', async () => {
    const names = ['line', 'mark', 'code', 'command', 'stay', 'script', 'process']
    const env = { ...process.env, ...Object.fromEntries(names.map((name) => [name, name])) }
    const wanted = `echo ${names.map((name) => `$${name}`).join(' ')}`
    const words = ['<end>', handshake, 'deis', '<ask>', '<go>', 's', '', 'shell', 'none', wanted]
    const child = spawn(file, [...before, '-c', host, 'deis', ...words], { env })
    children.push(child)
    child.stdin.write('go\n')
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()))
    await expect.poll(() => out, { timeout: 10_000 }).toBe(`<go>${names.join(' ')}\n<end>0;`)
  })

  const linger = (wanted: string, env = process.env) => {
    const [one] = lingering({ spec: { containers: [{ name: 'run', command: ['sh', '-c'], args: [wanted] }] } }, '<end>')
      .spec?.containers ?? [undefined]
    const child = spawn(file, [...before, ...(one?.command ?? []).slice(1), ...(one?.args ?? [])], {
      env,
      detached: true,
    })
    children.push(child)
    const printed = { out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => void (printed.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => void (printed.err += chunk.toString()))
    return { child, printed, ended: once(child, 'exit') }
  }

  test.each([
    { wanted: 'echo out; echo err >&2; exit 3', out: 'out\nerr\n', code: 3 },
    { wanted: 'printf "no end"; kill -TERM $$', out: 'no end', code: 143 },
    { wanted: 'echo "$code $command $stay"', out: 'a b c\n', code: 0 },
  ])(
    'the output of a one-off command is followed by the end marker, and its script stays: $wanted',
    async ({ wanted, out, code }) => {
      const { child, printed, ended } = linger(wanted, { ...process.env, code: 'a', command: 'b', stay: 'c' })
      await expect.poll(() => printed, { timeout: 10_000 }).toEqual({ out: `${out}<end>${code};\n`, err: '' })
      expect(child.exitCode).toBeNull()
      child.kill('SIGTERM')
      expect(await ended).toEqual([code, null])
    },
  )

  test('a one-off command that gets SIGTERM can still print', async () => {
    const { child, printed, ended } = linger('trap "echo bye; exit 5" TERM; echo up; while :; do sleep 0.05; done')
    await expect.poll(() => printed.out, { timeout: 10_000 }).toBe('up\n')
    child.kill('SIGTERM')
    await expect.poll(() => printed.out, { timeout: 10_000 }).toBe('up\nbye\n<end>5;\n')
    child.kill('SIGTERM')
    expect(await ended).toEqual([5, null])
  })

  test('a one-off command that was killed ends by itself', async () => {
    const { printed, ended } = linger('kill -KILL $$')
    expect(await ended).toEqual([137, null])
    expect(printed.out).toBe('<end>137;\n')
  })

  test('signals reach all processes of a session and no others', async () => {
    const session = randomBytes(8).toString('hex')
    const begin = async (script: string, id: string): Promise<[ChildProcess, Promise<unknown[]>]> => {
      const child = spawn('bash', ['-c', script], {
        detached: true,
        env: { ...process.env, DEIS_SESSION: id, X: 'a\nb' },
      })
      children.push(child)
      const ended = once(child, 'close')
      await once(child.stdout, 'data')
      return [child, ended]
    }
    const signal = async (name: string): Promise<string> =>
      (await run(file, [...before, '-c', signalProgram, 'deis', session, name, 'foreground'])).stdout
    const [, ended] = await begin('sleep 600 & env -i sleep 600 & echo up; wait', session)
    const [other, otherEnded] = await begin('sleep 600 & echo up; wait', randomBytes(8).toString('hex'))
    expect(await signal('TERM')).toBe('3\n')
    // All of them had its output open.
    expect(await ended).toEqual([null, 'SIGTERM'])
    expect(await signal('KILL')).toBe('0\n')
    expect(other.exitCode).toBeNull()
    process.kill(-(other.pid ?? 0), 'SIGKILL')
    await otherEnded
  })
})

describe('with files', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-programs-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  test("a session in a slug's pod has its folder and its profile", async () => {
    await writeFiles(folder, { '.profile.d/a.sh': 'export FROM=profile\nset -- changed\n' })
    const program = slugCommand.replaceAll('/app', folder)
    const { stdout } = await run('bash', ['-c', program, 'bash', 'echo $FROM $HOME $PWD', readProfile])
    expect(stdout).toBe(`profile ${folder} ${folder}\n`)
  })

  test('the first container of a build fetches its program and runs it', async () => {
    const program = 'console.log("runs", process.argv.at(-1))\n'
    const server = createServer((_, response) => response.end(program))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const env = { ...process.env, DEIS_RUNNER: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` }
    const file = join(folder, 'runner.mjs')
    const { stdout } = await run(process.execPath, ['-e', bootstrap, file, 'fetch'], { env })
    expect([stdout, await readFile(file, 'utf8')]).toEqual(['runs fetch\n', program])
    server.removeAllListeners('request').on('request', (_, response) => response.writeHead(404).end())
    await expect(run(process.execPath, ['-e', bootstrap, file, 'fetch'], { env })).rejects.toMatchObject({
      code: 1,
      stderr: 'The controller answered 404 for the runner.\n',
    })
    server.close()
  })

  test.each([
    ['overlay', '0'],
    ['vfs', '1'],
  ])('build arguments and labels reach buildah as they are, which stores layers by %s', async (driver, infoCode) => {
    const files = { 'args/TWO_LINES': 'a b\n"c"\n', 'labels/list': 'io.deis.app=tea\n' }
    await writeFiles(folder, files)
    // A kernel that cannot mount overlayfs here fails the question for it.
    const stub = `#!/bin/sh\n[ "$3" != info ] || exit ${infoCode}\nprintf "<%s>" "$@"; echo; printf "%s" "$TWO_LINES"; echo .\n`
    await writeFile(join(folder, 'buildah'), stub, { mode: 0o755 })
    const words = ['', 'context', join(folder, 'args'), join(folder, 'labels'), 'oci:image', '--file', 'a b']
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` }
    const { stdout } = await run('sh', ['-c', buildProgram, 'build', ...words], { env })
    const built = `<--storage-driver><${driver}><build><--isolation><chroot><--file><a b><--build-arg><TWO_LINES>`
    expect(stdout.split('.\n')).toEqual([
      `${built}<--label><io.deis.app=tea><--tag><built><--><context>\na b\n"c"\n`,
      `<--storage-driver><${driver}><push><--quiet><built><oci:image>\na b\n"c"\n`,
      'Pushing to registry\n',
    ])
  })
})
