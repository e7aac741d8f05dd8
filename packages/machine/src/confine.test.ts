// Does everything that a program starts end with it, and does nothing of a user's show in an argument?
import { pbkdf2 } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { commandText, commandVariable } from './command-text.ts'
import { type Confined, type Order, startConfined } from './confine.ts'
import { type Isolation, openIsolation } from './isolation.ts'
import { isAlive, killAll, signalPid, stopGroup, variableOfAll, withVariable } from './pid.ts'

const strongest = await openIsolation()
const group: Isolation = { ...strongest, kind: 'group' }
const kinds = strongest.kind === 'group' ? [group] : [strongest, group]
const root = process.getuid?.() === 0
const runAs = root ? { uid: 39_100, gid: 39_100 } : null
const derive = promisify(pbkdf2)
let count = 0

// A test that fails leaves nothing for the next one.
afterEach(() =>
  killAll(async () =>
    [...(await variableOfAll('TEST_CONFINED'))].flatMap(([pid, mark]) =>
      mark.startsWith(`confined-${process.pid}-`) ? [pid] : [],
    ),
  ),
)

type Said = {
  readonly out: Promise<string>
  readonly err: Promise<string>
  readonly says: (text: string) => Promise<void>
}

async function shell(
  isolation: Isolation,
  command: string,
  more: Partial<Order> = {},
): Promise<Confined & Said & { mark: string }> {
  const mark = `confined-${process.pid}-${++count}`
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', ...more.env, TEST_CONFINED: mark, [commandVariable]: command }
  const started = await startConfined(
    isolation,
    {
      program: '/bin/bash',
      args: ['-c', commandText, 'bash'],
      folder: '/tmp',
      runAs,
      marks: ['TEST_CONFINED'],
      ...more,
      env,
    },
    ['ignore', 'pipe', 'pipe'],
  )
  let received = ''
  started.child.stdout?.on('data', (chunk: Buffer) => void (received += chunk.toString()))
  return {
    ...started,
    mark,
    says: (words) => expect.poll(() => received, { timeout: 10_000 }).toContain(words),
    out: text(started.child.stdout as Readable),
    err: text(started.stderr as Readable),
  }
}

/** Empty for one that has ended. At once, as an asynchronous call would cost ten times as much. */
function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
  } catch {
    return ''
  }
}

const appeared = (mark: string, least: number) =>
  expect
    .poll(async () => (await withVariable('TEST_CONFINED', mark)).length, { timeout: 10_000 })
    .toBeGreaterThanOrEqual(least)

describe.each(kinds)('$kind', (isolation) => {
  test('all that a program said is there, also when it has ended before its start is known', async () => {
    const starting = shell(isolation, 'echo said; echo wrong >&2')
    // As on a busy machine: whatever asks for a file waits, so the end is known before the start.
    const busy = Array.from({ length: 8 }, () => derive('a', 'b', 200_000, 64, 'sha512'))
    const { out, err, exited } = await starting
    await Promise.all(busy)
    expect([await out, await err, await exited]).toEqual(['said\n', 'wrong\n', { code: 0, signal: null }])
  })

  const apart = isolation.kind !== 'group'

  test.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 7', { code: 7, signal: null }],
    ['kill -9 $$', { code: null, signal: 'SIGKILL' }],
    ['sh -c "exit 3"', { code: 3, signal: null }],
    ['no-such-program', { code: 127, signal: null }],
    ['cd /tmp && false', { code: 1, signal: null }],
  ])('%s ends as it says', async (command, exit) => {
    expect(await (await shell(isolation, command)).exited).toEqual(exit)
  })

  test('both outputs arrive, and nothing else is in them', async () => {
    const { out, err, exited } = await shell(isolation, 'echo out; echo err >&2; pwd; umask; kill -9 $$')
    await exited
    expect(await out).toBe('out\n/tmp\n0027\n')
    expect(await err).toBe('err\n')
  })

  test('the environment is what was given, whatever the names', async () => {
    const given = {
      script: 'x',
      ENV: '/tmp/evil',
      BASH_ENV: '',
      PS4: '$(id)',
      a_b: 'it\'s $(x) `y` "z"\nline',
      i: '1',
    }
    const { out } = await shell(isolation, 'exec env -0', { env: given })
    const seen = Object.fromEntries(
      (await out)
        .split('\0')
        .filter(Boolean)
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    )
    expect(seen).toMatchObject(given)
    const own = Object.keys(seen).filter((name) => !(name in given))
    expect(own.toSorted()).toEqual(['PATH', 'PWD', 'SHLVL', 'TEST_CONFINED', '_'].filter((name) => own.includes(name)))
  })

  test.each(['exec sleep 621 # ', 'sleep 621 # ', 'sleep 621; true '])('in no argument, anywhere: %s', async (line) => {
    const secret = `hunter-${process.pid}-${++count}`
    const command = `${line}password=${secret}`
    const { mark, identity, exited } = await shell(isolation, command, { env: { TOKEN: secret } })
    await appeared(mark, 1)
    for (let look = 0; look < 20; look++) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
        expect(argumentsOf(pid)).not.toContain(secret)
      }
      await sleep(5)
    }
    await stopGroup(identity.pid, 0)
    await exited
  })

  test('a TERM at once is not lost, and what handles it ends as it wants', async () => {
    for (let time = 0; time < 10; time++) {
      const { identity, exited } = await shell(isolation, 'sleep 622')
      await stopGroup(identity.pid, 20_000)
      expect(await exited).toEqual({ code: null, signal: 'SIGTERM' })
    }
    const polite = `cd /tmp && node -e "process.on('SIGTERM', () => setTimeout(() => { console.log('bye'); process.exit() }, 200)); console.log('ready'); setInterval(() => {}, 1000)"`
    const one = await shell(isolation, polite, { graceMs: 20_000, env: { PATH: process.env['PATH'] ?? '' } })
    await one.says('\n')
    await stopGroup(one.identity.pid, 20_000)
    await one.exited
    expect(await one.out).toContain('bye')
  })

  test('an interrupt is not ignored', async () => {
    const { exited, says, identity } = await shell(isolation, 'echo ready; exec sleep 623')
    await says('ready')
    process.kill(-identity.pid, 'SIGINT')
    expect(await exited).toEqual({ code: null, signal: 'SIGINT' })
  })

  test.skipIf(!apart)('what left its session and emptied its environment ends with it', async () => {
    const seconds = `6240.${process.pid}${Date.now()}`
    const hidden = `env -i setsid sleep ${seconds}`
    const running = async (): Promise<number> => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
      return lines.filter((line) => line === `sleep\0${seconds}\0`).length
    }
    const ends: ((one: Confined & { mark: string }) => Promise<unknown>)[] = [
      ({ exited }) => exited,
      ({ identity }) => stopGroup(identity.pid, 0),
      async ({ identity }) => signalPid(identity.pid, 'SIGKILL'),
      ({ mark }) => killAll(() => withVariable('TEST_CONFINED', mark)),
    ]
    for (const [index, end] of ends.entries()) {
      const one = await shell(isolation, `${hidden} & ${hidden} & echo ready; sleep ${index === 0 ? 0.2 : 600}`)
      await one.says('\n')
      if (index > 0) await expect.poll(running).toBe(2)
      await end(one)
      await one.exited
      expect([index, await running()]).toEqual([index, 0])
      expect(await isAlive(one.identity)).toBe(false)
    }
  })

  test.skipIf(!apart)('it sees no other process', async () => {
    const { out } = await shell(isolation, 'cat /proc/[0-9]*/cmdline | tr "\\0" " "; echo; ls -d /proc/[0-9]* | wc -l')
    const seen = await out
    expect(Number(seen.trim().split('\n').at(-1))).toBeLessThanOrEqual(6)
    expect(seen).not.toContain('vitest')
  })

  test.skipIf(!apart)('who joins it sees it, and ends with it', async () => {
    const one = await shell(isolation, 'exec sleep 6250')
    const joined = await shell(
      isolation,
      'until cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep -x "625[0]"; do sleep 0.05; done; (env -i setsid sleep 6251 &); exec sleep 6252',
      {
        within: one.identity,
      },
    )
    await joined.says('\n')
    signalPid(one.identity.pid, 'SIGKILL')
    expect(await joined.exited).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await joined.out).toContain('6250')
  })

  test('a program that is not there, or may not run, is said', async () => {
    const start = (program: string): Promise<unknown> =>
      startConfined(
        isolation,
        { program, args: [], folder: '/tmp', env: { PATH: '/usr/bin:/bin' }, runAs, marks: [], check: true },
        ['ignore', 'pipe', 'pipe'],
      )
    await expect(start('no-such-program')).rejects.toMatchObject({ fault: 'missing' })
    await expect(start('/no/such/program')).rejects.toMatchObject({ fault: 'missing' })
    await expect(start('/etc/passwd')).rejects.toMatchObject({ fault: 'denied' })
  })
})
