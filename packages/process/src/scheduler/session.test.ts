// What can go wrong in a session, and what must never leak?
import { readdirSync, readlinkSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { firstInside, sessionMembers, withVariable } from '@deis/machine/pid'
import { openClient } from '@deis/ports/testing/contract-client'
import { until } from '@deis/ports/testing/contract-steps'
import { testFormation } from '@deis/ports/testing/formation'
import { type Artifact, type OneOff, type Scheduler, SessionRefused } from '@deis/ports/scheduler'
import { createProcessScheduler } from './create.ts'
import { attachTerminal } from './terminal.ts'
import { openTestbed, type Testbed } from './testbed.ts'

const patience = 3

describe.concurrent('sessions of processes', () => {
  let testbed: Testbed
  let scheduler: Scheduler
  let slug: Artifact
  let apps = 0
  beforeAll(async () => {
    testbed = await openTestbed()
    scheduler = await createProcessScheduler(testbed.options())
    slug = await testbed.slug({ 'here.txt': 'here\n', '.profile.d/one.sh': 'export FROM_PROFILE=profile\n' })
  })
  afterAll(async () => {
    await scheduler.close({ stop: true })
    expect(testbed.logged).toEqual([])
    await testbed.remove()
  })
  const oneOff = (command: string, env: OneOff['env'] = {}): OneOff => ({
    app: `session-${++apps}`,
    release: 1,
    artifact: slug,
    env,
    tags: {},
    registry: {},
    pullPolicy: 'IfNotPresent',
    command,
    timeoutSeconds: 60,
  })

  test.each([true, false])(
    'it has the slug, its profile and the app’s user, with no group of the platform (terminal: %s)',
    async (terminal) => {
      const client = openClient({ terminal, input: false, patience })
      const command =
        'cat here.txt; echo $FROM_PROFILE; id -u; grep Groups: /proc/self/status; [ "$HOME" = "$PWD" ] && echo home'
      const wanted = oneOff(command)
      const { exited } = await scheduler.open(wanted, client.io)
      const runAs = await testbed.accounts.of(wanted.app)
      expect(await exited).toBe(0)
      const groups = runAs ? 'Groups:' : /^Groups:/
      const lines = client
        .stdout()
        .toString()
        .trim()
        .split(/\r?\n/)
        .map((line) => line.trim())
      expect(lines).toEqual([
        'here',
        'profile',
        String(runAs?.uid ?? process.getuid?.()),
        expect.stringMatching(groups),
        'home',
      ])
      expect(await readdir(join(testbed.folder, 'pods', wanted.app))).toEqual(['state.json'])
    },
  )

  test('no process but its own holder has the other side of a terminal', async () => {
    const client = openClient({ terminal: true, patience })
    const command = 'echo at $(tty); ls -l /proc/self/fd | grep -c ptmx; read -r line'
    const session = await scheduler.open(oneOff(command), client.io)
    expect(await client.shows('\r\n0\r\n')).toMatch(/^at \/dev\/pts\/\d+\r\n/)
    const other = openClient({ input: false, patience })
    const { exited } = await scheduler.open(oneOff('ls -l /proc/self/fd'), other.io)
    expect(await exited).toBe(0)
    expect(other.stdout().toString()).not.toContain('ptmx')
    const mine = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/self/fd/${fd}`)]
      } catch {
        // Closed meanwhile.
        return []
      }
    })
    expect(mine).not.toContain('/dev/ptmx')
    client.input.write('done\r')
    expect(await session.exited).toBe(0)
  })

  test('what the app has for node is not for the platform’s own program', async () => {
    const client = openClient({ terminal: true, input: false, patience })
    const { exited } = await scheduler.open(
      oneOff('echo "$NODE_OPTIONS"', { NODE_OPTIONS: '--require ./evil.js' }),
      client.io,
    )
    expect(await exited).toBe(0)
    expect(client.stdout().toString()).toBe('--require ./evil.js\r\n')
  })

  test.each([true, false])(
    'what it has left behind ends with it, wherever it went (terminal: %s)',
    async (terminal) => {
      const client = openClient({ terminal, patience })
      const command = 'sleep 611 & nohup setsid sleep 612 > /dev/null 2>&1 & set -m; sleep 613 & echo left; exit 4'
      const { pod, exited } = await scheduler.open(oneOff(command), client.io)
      expect(await exited).toBe(4)
      expect(client.stdout().toString()).toContain('left')
      expect(await withVariable('DEIS_POD', pod)).toEqual([])
    },
  )

  test.for([true, false])(
    'what left its session and emptied its environment ends with it (terminal: %s)',
    async (terminal, { skip }) => {
      skip(testbed.options().isolation.kind === 'group', 'needs namespaces of processes')
      const seconds = `6170.${process.pid}${Date.now()}`
      const running = async (): Promise<number> => {
        const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
        const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
        return lines.filter((line) => line === `sleep\0${seconds}\0`).length
      }
      const client = openClient({ terminal, patience })
      const hidden = `env -i setsid sleep ${seconds} > /dev/null 2>&1 < /dev/null &`
      const main = await scheduler.open(oneOff(`${hidden} echo ready; read -r line; exit 5`), client.io)
      await until('it runs', async () => (await running()) === 1, 30)
      client.input.write('go\n')
      expect(await main.exited).toBe(5)
      expect(await running()).toBe(0)
    },
  )

  test.each(['INT', 'QUIT', 'HUP'] as const)(
    'a %s of a terminal is for the command, not for what is around it',
    async (name) => {
      const client = openClient({ terminal: true, patience })
      const command = `trap 'echo got ${name}; exit 8' ${name}; echo ready; while :; do sleep 0.1; done`
      const session = await scheduler.open(oneOff(command), client.io)
      await client.shows('ready')
      await session.kill(name)
      expect(await session.exited).toBe(8)
      expect(client.stdout().toString()).toContain(`got ${name}`)
    },
  )

  test('cancelled, what ignores every signal is ended after the time it has', async () => {
    const client = openClient({ terminal: true, patience })
    const command =
      "trap '' HUP TERM INT; (trap '' HUP TERM; setsid sleep 614) & echo ready; while :; do sleep 0.2; done"
    const { pod, exited } = await scheduler.open(oneOff(command), client.io)
    const outcome = expect(exited).rejects.toThrow('enough')
    await client.shows('ready')
    const [leader] = await withVariable('DEIS_POD', pod)
    expect(leader).toBeDefined()
    client.cancel.abort(new Error('enough'))
    await outcome
    expect(await withVariable('DEIS_POD', pod)).toEqual([])
    expect(await sessionMembers(leader ?? 0)).toEqual([])
  })

  test('a flood that the client cannot keep up with can be interrupted', async () => {
    const client = openClient({ terminal: true, slowMs: 5, patience })
    const session = await scheduler.open(oneOff('yes'), client.io)
    await client.shows('y\r\ny\r\n')
    client.input.write(Buffer.from([3]))
    expect(await session.exited).toBe(130)
    expect(client.stdout().length).toBeLessThan(50_000_000)
  })

  test.each([true, false])('input that the command does not read blocks nothing (terminal: %s)', async (terminal) => {
    const client = openClient({ terminal, patience })
    const command = terminal
      ? 'stty raw -echo; echo ready; read -r -n 1 one; exit 6'
      : 'echo ready; read -r one; exit 6'
    const session = await scheduler.open(oneOff(command), client.io)
    await client.shows('ready')
    client.input.end(Buffer.alloc(3_000_000, 'line\n'))
    expect(await session.exited).toBe(6)
  })

  test('every byte reaches a program at a raw terminal, and comes back from there', async () => {
    const client = openClient({ terminal: true, patience })
    const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff))
    const session = await scheduler.open(oneOff(`stty raw -echo; echo ready; head -c ${bytes.length}`), client.io)
    await client.shows('ready\n')
    client.input.write(bytes)
    expect(await session.exited).toBe(0)
    expect(client.stdout().subarray('ready\n'.length).equals(bytes)).toBe(true)
  })

  test('the end of the input is one at a terminal, too', async () => {
    const client = openClient({ terminal: true, patience })
    const session = await scheduler.open(oneOff('echo ready; cat > taken; cat taken | tr a-z A-Z'), client.io)
    await client.shows('ready')
    client.input.end('a line that has no end')
    expect(await session.exited).toBe(0)
    expect(client.stdout().toString()).toContain('A LINE THAT HAS NO END')
  })

  test('output that cannot be handed over ends the command', async () => {
    for (const terminal of [true, false]) {
      const { io } = openClient({ terminal, patience })
      const lost = { ...io, output: () => Promise.reject(new Error('nobody is there')) }
      const { pod, exited } = await scheduler.open(oneOff('echo ready; sleep 615'), lost)
      await expect(exited).rejects.toThrow('nobody is there')
      expect(await withVariable('DEIS_POD', pod)).toEqual([])
    }
  })

  test('a config that no process can have, and a slug that is not there, are said, and nothing is left', async () => {
    for (const terminal of [true, false]) {
      const { io } = openClient({ terminal, patience })
      const bad = oneOff('true', { KEY: 'secret\0value' })
      await expect(scheduler.open(bad, io)).rejects.toThrow('"KEY" contains a null byte')
      const missing = { ...oneOff('true'), artifact: { kind: 'slug', digest: `sha256:${'3'.repeat(64)}` } as const }
      await expect(scheduler.open(missing, io)).rejects.toThrow('the command could not be started')
      expect([...(await scheduler.observe(bad.app)), ...(await scheduler.observe(missing.app))]).toEqual([])
    }
  })

  test('without what opens terminals it says so, and how to go on', async () => {
    const { io } = openClient({ terminal: true })
    if (!io.terminal) throw new Error('no terminal')
    const { isolation } = testbed.options()
    const options = {
      isolation,
      shell: '/bin/bash',
      command: 'true',
      folder: '/',
      env: {},
      runAs: null,
      scope: [],
      killed: '',
    }
    const place = { terminal: io.terminal, mark: {}, members: async () => [], library: join(testbed.folder, 'none.js') }
    const attached = attachTerminal(options, place, io)
    await expect(attached).rejects.toThrow(SessionRefused)
    await expect(attached).rejects.toThrow(
      /^no terminal could be opened: .*none\.js[^]*The command can still run without a terminal\.$/,
    )
  })

  test.each([true, false])(
    'a command beside a process that is killed has lost its pod (terminal: %s)',
    async (terminal) => {
      const app = `session-${++apps}`
      const worker = { command: 'sleep 600', replicas: 1, graceSeconds: 1 }
      await scheduler.apply(testFormation(app, 1, slug, { worker }), new AbortController().signal, () => {})
      const [pod] = await scheduler.observe(app)
      const first = await firstInside(await withVariable('DEIS_POD', pod?.name ?? ''))
      // Without namespaces the command outlives the process beside it.
      if (!first) return
      const client = openClient({ terminal, patience })
      const { exited } = await scheduler.exec({ app, pod: pod?.name ?? '', command: 'echo here; sleep 600' }, client.io)
      const outcome = expect(exited).rejects.toThrow(`${pod?.name} has ended`)
      await client.shows('here')
      process.kill(first.pid, 'SIGKILL')
      await outcome
      await scheduler.remove(app, new AbortController().signal)
    },
  )

  test('two terminals of one pod do not disturb each other, nor the pod', async () => {
    const wanted = oneOff('cat')
    const [first, second] = [openClient({ patience }), openClient({ terminal: true, patience })]
    const main = await scheduler.open(wanted, first.io)
    await until('it is up', async () => (await scheduler.observe(wanted.app))[0]?.state === 'up', 60)
    const target = { app: wanted.app, pod: main.pod, command: 'echo ready; read -r line; echo got $line' }
    const one = await scheduler.exec(target, second.io)
    const third = openClient({ terminal: true, patience })
    const other = await scheduler.exec({ ...target, command: 'echo ready; sleep 616' }, third.io)
    await Promise.all([second.shows('ready'), third.shows('ready')])
    await other.kill('TERM')
    expect(await other.exited).toBe(143)
    second.input.write('that\r')
    expect(await one.exited).toBe(0)
    expect(second.stdout().toString()).toContain('got that')
    first.input.end('still here')
    expect(await main.exited).toBe(0)
    expect(first.stdout().toString()).toBe('still here')
  })
})
