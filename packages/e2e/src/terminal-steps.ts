// What works in a session with a command of an app, on every backend?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { buffer, text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { Checkout } from './app.ts'
import { type Platform, root } from './platform.ts'
import { afterwards, openTerminal, type Terminal } from './terminal.ts'
import { until } from './until.ts'

export type Stage = {
  readonly platform: Pick<Platform, 'api' | 'endController' | 'startController'>
  readonly app: Checkout
  /** A command that shows what only a running web process has beside its release, and what it shows. */
  readonly own: { readonly command: readonly string[]; readonly shows: string }
  /** Whether a command in a running pod can be told where its input ends; if not, it is refused with the reason. */
  readonly passesInput: boolean
  /** How many commands of this text run. */
  readonly running: (command: string) => Promise<number>
}

const prompt = /(^|\n)ready> $/

async function shell(stage: Stage, words: readonly string[]): Promise<Terminal> {
  const terminal = openTerminal(stage.app.owner, [...words, '-it', '--', 'bash', '--norc'], stage.app.folder)
  await terminal.sees(/[$#] $/)
  terminal.type("PS1='ready> '\n")
  await terminal.sees(prompt)
  return terminal
}

/** The deis command between two pipes. */
function piped(stage: Stage, args: readonly string[]) {
  const { app } = stage
  const child = spawn(process.execPath, [join(root, 'dist/cli/deis.js'), ...args], {
    cwd: app.folder,
    env: app.owner.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 120_000,
    killSignal: 'SIGKILL',
  })
  child.stdin.on('error', () => {})
  const ended = Promise.all([once(child, 'close'), buffer(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]) => ({ code: code as number | null, stdout, stderr }),
  )
  return { child, ended }
}

export function sessionsWork(stage: () => Stage): void {
  test.each([
    ['a pod of its own', ['run']],
    ['a running pod', ['ps:exec']],
  ])('a shell in %s: size, keys, exit code, and the terminal is given back', async (_, words) => {
    const terminal = await shell(stage(), words)
    terminal.type('stty size; echo "$TERM"\n')
    await terminal.sees(/\n24 80\nxterm-256color\nready> $/)
    terminal.resize(132, 43)
    await until({ what: 'the new size arrives' }, async () => {
      terminal.type('stty size\n')
      return (await terminal.sees(/\n\d+ \d+\n/)) === '\n43 132\n'
    })
    terminal.type('sleep 100\n')
    await terminal.sees(/sleep 100\n/)
    await until({ what: 'Ctrl-C ends the command, and the shell keeps running' }, async () => {
      terminal.type('\u0003')
      return (await terminal.sees(/\n(ready> )$/, 5).catch(() => null)) !== null
    })
    terminal.type('printf "größe %s\\n" $((40 + 2))\n')
    await terminal.sees(/\ngröße 42\nready> $/)
    terminal.type('exit 7\n')
    await terminal.sees(new RegExp(`${afterwards}[^]* icanon [^]* echo `))
    expect(await terminal.ended).toBe(7)
  })

  test('a command beside a web process has its PORT and its files', async () => {
    const { own } = stage()
    const looked = await piped(stage(), ['exec', '--', ...own.command]).ended
    expect([looked.code, looked.stderr, looked.stdout.toString()]).toEqual([0, '', expect.stringContaining(own.shows)])
    const port = await piped(stage(), ['ps:exec', 'web', 'printenv', 'PORT']).ended
    expect([port.code, port.stdout.toString()]).toEqual([0, expect.stringMatching(/^\d+\n$/)])
  })

  test.each([
    ['run', ['run', '-i', '--', 'cat']],
    ['ps:exec', ['ps:exec', '-i', '--', 'cat']],
  ])('%s gives back every byte of a megabyte', async (_, words) => {
    const bytes = randomBytes(1_048_583)
    const { child, ended } = piped(stage(), words)
    child.stdin.end(bytes)
    const { code, stdout, stderr } = await ended
    if (words[0] === 'ps:exec' && !stage().passesInput) {
      expect([code, stderr]).toEqual([1, expect.stringContaining('run the command in a pod of its own (deis run)')])
      return
    }
    expect([code, stderr, stdout.length, stdout.equals(bytes)]).toEqual([0, '', bytes.length, true])
  })

  test.each([
    ['run', ['run', '-i', '--']],
    ['ps:exec', ['ps:exec', '--']],
  ])('%s keeps stdout, stderr and the exit code', async (_, words) => {
    const { ended } = piped(stage(), [...words, 'echo out; echo err >&2; exit 3'])
    const { code, stdout, stderr } = await ended
    expect([code, stdout.toString(), stderr]).toEqual([3, 'out\n', 'err\n'])
  })

  test('Ctrl-C without a terminal reaches the command', async () => {
    const { child, ended } = piped(stage(), [
      'run',
      '-i',
      '--',
      "trap 'echo caught; exit 4' INT; echo up; while :; do sleep 0.1; done",
    ])
    await once(child.stdout, 'readable')
    child.kill('SIGINT')
    const { code, stdout } = await ended
    expect([code, stdout.toString()]).toEqual([4, 'up\ncaught\n'])
  })

  test.each([
    ['run', ['run', '-i', '--']],
    ['ps:exec', ['ps:exec', '--']],
  ])('%s: the command ends with a client that is killed', async (_, words) => {
    const seconds = `1${randomBytes(3).readUIntBE(0, 3)}`
    const { child, ended } = piped(stage(), [...words, `echo up; exec sleep ${seconds}`])
    await once(child.stdout, 'readable')
    await until({ what: 'it runs', seconds: 30 }, async () => (await stage().running(`sleep ${seconds}`)) === 1)
    child.kill('SIGKILL')
    await ended
    await until({ what: 'it has ended', seconds: 60 }, async () => (await stage().running(`sleep ${seconds}`)) === 0)
  })

  test('who does what is in the log, and the command is not', async () => {
    const { app } = stage()
    expect((await piped(stage(), ['run', '-i', '--', 'echo canary-7d1']).ended).code).toBe(0)
    const log = await app.does('logs', '-n', '500')
    expect(log).toMatch(new RegExp(`INFO ${app.owner.name} opens a session in v\\d+\n`))
    expect(log).toMatch(new RegExp(`INFO ${app.owner.name} opens a session in process ${app.app}-web-`))
    expect(log).not.toContain('canary-7d1')
  })

  test.each([
    ['is stopped', 'SIGTERM', 'Error: The controller is stopping. Try again in a moment.\n'],
    ['is killed', 'SIGKILL', 'The controller stops the command.'],
  ] as const)('says so when the controller %s', async (_, signal, message) => {
    const { platform } = stage()
    const seconds = `1${randomBytes(3).readUIntBE(0, 3)}`
    const { child, ended } = piped(stage(), ['run', '-i', '--', `echo up; exec sleep ${seconds}`])
    await once(child.stdout, 'readable')
    await platform.endController(signal)
    try {
      const { code, stderr } = await ended
      expect([code, stderr]).toEqual([1, expect.stringContaining(message)])
    } finally {
      await platform.startController()
    }
    await until({ what: 'it has ended', seconds: 60 }, async () => (await stage().running(`sleep ${seconds}`)) === 0)
  })
}
