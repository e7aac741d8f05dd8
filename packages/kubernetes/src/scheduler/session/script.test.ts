// Do the scripts that run in containers work in every shell there may be?
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { groupMembers } from '@deis/machine/pid'
import { lingering } from '../run/linger.ts'
import { handshakeScript, hostScript, sessionVariable, signalScript } from './script.ts'

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
    const child = spawn(file, [...before, '-c', handshakeScript, 'deis', '<ask>', '<go>', ...rest, command])
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
    const words = ['<end>', handshakeScript, 'deis', '<ask>', '<go>', 's', '', 'shell', 'none', wanted]
    const child = spawn(file, [...before, '-c', hostScript, 'deis', ...words], { detached: true })
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
    const words = ['<end>', handshakeScript, 'deis', '<ask>', '<go>', 's', '', 'shell', 'none', wanted]
    const child = spawn(file, [...before, '-c', hostScript, 'deis', ...words], { env })
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
        env: { ...process.env, [sessionVariable]: id, X: 'a\nb' },
      })
      children.push(child)
      const ended = once(child, 'close')
      await once(child.stdout, 'data')
      return [child, ended]
    }
    const signal = async (name: string): Promise<string> =>
      (await run(file, [...before, '-c', signalScript, 'deis', session, name, 'foreground'])).stdout
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
