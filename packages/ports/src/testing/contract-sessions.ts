// What must every scheduler do for who sits at a command?
import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { screen } from './contract-terminal.ts'
import { interruptible, sessionSteps } from './contract-session-steps.ts'
import { type ContractSteps, never } from './contract-steps.ts'
import type { LogLine } from '../scheduler.ts'

/** Registers this part of the contract with vitest. */
export function sessionsContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, observe, oneOff, until } = steps
  const { simulated, real, seat, open, inside, worker } = sessionSteps(harness, steps)
  const texts = (lines: readonly LogLine[]): string[] => lines.map((line) => line.text)

  describe('for who sits at a command', () => {
    test('its exit code is told, with a terminal and without one, and its pod is gone', async () => {
      const app = newApp()
      for (const terminal of [false, true]) {
        const session = await open(app, harness().commands.exit(3), seat({ terminal }))
        expect(session.pod).toMatch(new RegExp(`^${app}-run-`))
        expect(await session.exited).toBe(3)
        await session.kill('INT')
        session.resize({ columns: 10, rows: 10 })
      }
      expect(await observe(app)).toEqual([])
    })

    test('it ends by a signal', async ({ skip }) => {
      real(skip)
      for (const terminal of [false, true]) {
        const one = seat({ terminal, input: false })
        const command = 'echo ready; bash -c "kill -9 \\$\\$"'
        expect(await (await open(newApp(), command, one)).exited).toBe(137)
        expect(one.stdout().toString().trim().startsWith('ready')).toBe(true)
      }
    })

    test('its pod is seen as long as it runs', async () => {
      const app = newApp()
      const one = seat()
      const { pod, exited } = await open(app, 'cat', one)
      await until('it is up', async () => (await observe(app))[0]?.state === 'up')
      expect(await observe(app)).toMatchObject([{ name: pod, type: 'run', release: 1, address: null }])
      one.input.end('to the end')
      expect(await exited).toBe(0)
      expect(one.stdout().toString()).toBe('to the end')
      expect(await observe(app)).toEqual([])
    })

    test('without input it reads nothing', async () => {
      const one = seat({ input: false })
      expect(await (await open(newApp(), 'cat', one)).exited).toBe(0)
      expect(one.stdout().toString()).toBe('')
    })

    test('every byte comes through, in order, and none is read before the last is handed over', async () => {
      const one = seat({ slowMs: 1 })
      const bytes = randomBytes(simulated() ? 10_000 : 1024 * 1024)
      const { exited } = await open(newApp(), 'cat', one)
      one.input.end(bytes)
      expect(await exited).toBe(0)
      const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
      expect([one.stdout().length, digest(one.stdout())]).toEqual([bytes.length, digest(bytes)])
    })

    test('a command that is slow to read gets all of its input', async ({ skip }) => {
      real(skip)
      // A little more, and a little less, than the pipes on the way hold: the last part waits when the end is told.
      const sizes = [120_000, 150_000, 165_000, 180_000, 190_000]
      const counted = sizes.map(async (size) => {
        const one = seat()
        const { exited } = await open(newApp(), 'sleep 2; wc -c', one)
        one.input.end(randomBytes(size))
        expect(await exited).toBe(0)
        return Number(one.stdout().toString())
      })
      expect(await Promise.all(counted)).toEqual(sizes)
    })

    test('output that nobody takes yet is not lost when the command has ended', async ({ skip }) => {
      real(skip)
      for (const terminal of [false, true]) {
        const one = seat({ terminal, input: false, slowMs: 20 })
        expect(await (await open(newApp(), 'seq 20000; echo the end', one)).exited).toBe(0)
        const lines = one.stdout().toString().trim().split(/\r?\n/)
        expect([lines.length, lines.at(-1)]).toEqual([20_001, 'the end'])
      }
    })

    test('stdout and stderr are apart without a terminal, and together with one', async ({ skip }) => {
      real(skip)
      const command = 'echo out; echo err >&2; echo by name > /dev/stdout; echo err by name > /dev/stderr'
      const plain = seat({ input: false })
      expect(await (await open(newApp(), command, plain)).exited).toBe(0)
      expect(plain.stdout().toString()).toBe('out\nby name\n')
      expect(plain.stderr().toString()).toBe('err\nerr by name\n')
      const terminal = seat({ terminal: true })
      expect(await (await open(newApp(), command, terminal)).exited).toBe(0)
      expect(terminal.stdout().toString()).toBe('out\r\nerr\r\nby name\r\nerr by name\r\n')
      expect(terminal.stderr().length).toBe(0)
    })

    test('a terminal has a name and a size, and changes it', async ({ skip }) => {
      real(skip)
      const one = seat({ terminal: true })
      const command =
        '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : < /dev/tty && echo "at a $TERM"; stty size; read -r line; stty size'
      const session = await open(newApp(), command, one)
      await one.shows(`at a ${screen.name}\r\n${screen.rows} ${screen.columns}\r\n`)
      session.resize({ columns: 132, rows: 43 })
      one.input.write('go on\r')
      expect(await session.exited).toBe(0)
      expect(one.stdout().toString()).toContain('\r\n43 132\r\n')
    })

    test('Ctrl-C is a signal at a terminal', async ({ skip }) => {
      real(skip)
      const one = seat({ terminal: true })
      const session = await open(newApp(), interruptible, one)
      await one.shows('ready')
      one.input.write(Buffer.from([3]))
      expect(await session.exited).toBe(7)
      expect(one.stdout().toString()).toContain('caught')
    })

    test.each([true, false])('a signal reaches what runs (terminal: %s)', async (terminal) => {
      if (simulated()) {
        const one = seat({ terminal })
        const session = await open(newApp(), harness().commands.sleep, one)
        await session.kill('INT')
        expect(await session.exited).toBe(130)
        return
      }
      const one = seat({ terminal })
      const session = await open(newApp(), interruptible, one)
      await one.shows('ready')
      await session.kill('INT')
      expect(await session.exited).toBe(7)
      expect(one.stdout().toString()).toContain('caught')
    })

    test('an interactive shell runs one command after the other, and can be left', async ({ skip }) => {
      real(skip)
      const one = seat({ terminal: true })
      const session = await open(newApp(), 'PS1="> " bash --norc --noprofile -i', one)
      await one.shows('> ')
      one.input.write('sleep 300\r')
      one.input.write('')
      await until('its sleep can be interrupted', async () => {
        one.input.write(Buffer.from([3]))
        await new Promise((resolve) => setTimeout(resolve, 100))
        one.input.write('echo $((6 * 7))\r')
        return one.stdout().toString().includes('42\r\n')
      })
      one.input.write('exit 5\r')
      expect(await session.exited).toBe(5)
    })

    test.each([true, false])('cancelled, it is gone, with the reason (terminal: %s)', async (terminal) => {
      const app = newApp()
      const one = seat({ terminal })
      const { exited } = await open(app, harness().commands.sleep, one)
      const outcome = expect(exited).rejects.toThrow('enough')
      one.cancel.abort(new Error('enough'))
      await outcome
      expect(await observe(app)).toEqual([])
      await expect(open(app, harness().commands.sleep, one)).rejects.toThrow('enough')
      expect(await observe(app)).toEqual([])
    })

    test('out of time it ends with an error', async () => {
      const app = newApp()
      // Long enough to begin, wherever that is.
      const seconds = harness().patience === undefined ? 1 : 10
      const wanted = oneOff(app, harness().commands.sleep, seconds)
      const begun = harness().scheduler().open(wanted, seat().io)
      await expect(begun.then(({ exited }) => exited)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(await observe(app)).toEqual([])
    })

    test('remove ends it', async () => {
      const app = newApp()
      const { exited } = await open(app, harness().commands.sleep, seat({ terminal: true }))
      const outcome = expect(exited).rejects.toThrow()
      await harness().scheduler().remove(app, never)
      await outcome
      expect(await observe(app)).toEqual([])
    })

    test('nothing of it is in the logs', async () => {
      const [app, pod] = await worker(harness().commands.print('from the pod'))
      const one = seat()
      const opened = await open(app, harness().commands.echo('from a session'), one)
      expect(await opened.exited).toBe(0)
      expect(one.stdout().toString()).toBe('from a session\n')
      expect(await inside(app, pod, harness().commands.echo('from inside'))).toEqual([0, 'from inside\n'])
      const said = await until('the pod has spoken', async () => {
        const lines = texts(await harness().scheduler().logs(app, { lines: 100 }))
        return lines.length > 0 && lines
      })
      expect(said).toEqual(['from the pod'])
    })
  })
}
