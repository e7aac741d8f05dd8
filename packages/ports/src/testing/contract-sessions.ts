// What must every scheduler do for sessions in a pod of their own?
import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { screen } from './contract-client.ts'
import { interruptible, sessionSteps } from './contract-session-steps.ts'
import { type ContractSteps, never } from './contract-steps.ts'
import type { LogLine } from '../scheduler.ts'

/** Registers this part of the contract with vitest. */
export function sessionsContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, observe, oneOff, until } = steps
  const { simulated, real, client, open, inside, worker } = sessionSteps(harness, steps)
  const texts = (lines: readonly LogLine[]): string[] => lines.map((line) => line.text)

  describe('sessions', () => {
    test('the exit code is returned, with and without a terminal, and the pod is gone', async () => {
      const app = newApp()
      for (const terminal of [false, true]) {
        const session = await open(app, harness().commands.exit(3), client({ terminal }))
        expect(session.pod).toMatch(new RegExp(`^${app}-run-`))
        expect(await session.exited).toBe(3)
        await session.kill('INT')
        session.resize({ columns: 10, rows: 10 })
      }
      expect(await observe(app)).toEqual([])
    })

    test('a command that ends by a signal gives 128+N', async ({ skip }) => {
      real(skip)
      for (const terminal of [false, true]) {
        const one = client({ terminal, input: false })
        const command = 'echo ready; bash -c "kill -9 \\$\\$"'
        expect(await (await open(newApp(), command, one)).exited).toBe(137)
        expect(one.stdout().toString().trim().startsWith('ready')).toBe(true)
      }
    })

    test('the pod is observed as long as the command runs', async () => {
      const app = newApp()
      const one = client()
      const { pod, exited } = await open(app, 'cat', one)
      await until('it is up', async () => (await observe(app))[0]?.state === 'up')
      expect(await observe(app)).toMatchObject([{ name: pod, type: 'run', release: 1, address: null }])
      one.input.end('to the end')
      expect(await exited).toBe(0)
      expect(one.stdout().toString()).toBe('to the end')
      expect(await observe(app)).toEqual([])
    })

    test('without input the command reads an empty one', async () => {
      const one = client({ input: false })
      expect(await (await open(newApp(), 'cat', one)).exited).toBe(0)
      expect(one.stdout().toString()).toBe('')
    })

    test('every byte is passed on in order, and none is read before the last one was taken', async () => {
      const one = client({ slowMs: 1 })
      const bytes = randomBytes(simulated() ? 10_000 : 1024 * 1024)
      const { exited } = await open(newApp(), 'cat', one)
      one.input.end(bytes)
      expect(await exited).toBe(0)
      const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
      expect([one.stdout().length, digest(one.stdout())]).toEqual([bytes.length, digest(bytes)])
    })

    test('a command that is slow to read gets all of its input', async ({ skip }) => {
      real(skip)
      // A little more, and a little less, than the pipes on the way hold: the last part still waits when the input ends.
      const sizes = [120_000, 150_000, 165_000, 180_000, 190_000]
      const counted = sizes.map(async (size) => {
        const one = client()
        const { exited } = await open(newApp(), 'sleep 2; wc -c', one)
        one.input.end(randomBytes(size))
        expect(await exited).toBe(0)
        return Number(one.stdout().toString())
      })
      expect(await Promise.all(counted)).toEqual(sizes)
    })

    test('output that waits for a slow client is not lost when the command has ended', async ({ skip }) => {
      real(skip)
      for (const terminal of [false, true]) {
        const one = client({ terminal, input: false, slowMs: 20 })
        expect(await (await open(newApp(), 'seq 20000; echo the end', one)).exited).toBe(0)
        const lines = one.stdout().toString().trim().split(/\r?\n/)
        expect([lines.length, lines.at(-1)]).toEqual([20_001, 'the end'])
      }
    })

    test('stdout and stderr are separate without a terminal, and one stream with it', async ({ skip }) => {
      real(skip)
      const command = 'echo out; echo err >&2; echo by name > /dev/stdout; echo err by name > /dev/stderr'
      const plain = client({ input: false })
      expect(await (await open(newApp(), command, plain)).exited).toBe(0)
      expect(plain.stdout().toString()).toBe('out\nby name\n')
      expect(plain.stderr().toString()).toBe('err\nerr by name\n')
      const terminal = client({ terminal: true })
      expect(await (await open(newApp(), command, terminal)).exited).toBe(0)
      expect(terminal.stdout().toString()).toBe('out\r\nerr\r\nby name\r\nerr by name\r\n')
      expect(terminal.stderr().length).toBe(0)
    })

    test('a terminal has a name and a size that can change', async ({ skip }) => {
      real(skip)
      const one = client({ terminal: true })
      const command =
        '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : < /dev/tty && echo "at a $TERM"; stty size; read -r line; stty size'
      const session = await open(newApp(), command, one)
      await one.shows(`at a ${screen.name}\r\n${screen.rows} ${screen.columns}\r\n`)
      session.resize({ columns: 132, rows: 43 })
      one.input.write('go on\r')
      expect(await session.exited).toBe(0)
      expect(one.stdout().toString()).toContain('\r\n43 132\r\n')
    })

    test('Ctrl-C at a terminal is a signal', async ({ skip }) => {
      real(skip)
      const one = client({ terminal: true })
      const session = await open(newApp(), interruptible, one)
      await one.shows('ready')
      one.input.write(Buffer.from([3]))
      expect(await session.exited).toBe(7)
      expect(one.stdout().toString()).toContain('caught')
    })

    test.each([true, false])('a signal reaches the command (terminal: %s)', async (terminal) => {
      if (simulated()) {
        const one = client({ terminal })
        const session = await open(newApp(), harness().commands.sleep, one)
        await session.kill('INT')
        expect(await session.exited).toBe(130)
        return
      }
      const one = client({ terminal })
      const session = await open(newApp(), interruptible, one)
      await one.shows('ready')
      await session.kill('INT')
      expect(await session.exited).toBe(7)
      expect(one.stdout().toString()).toContain('caught')
    })

    test('an interactive shell runs several commands, and exits', async ({ skip }) => {
      real(skip)
      const one = client({ terminal: true })
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

    test.each([true, false])(
      'a cancelled one fails with the reason, and its pod is gone (terminal: %s)',
      async (terminal) => {
        const app = newApp()
        const one = client({ terminal })
        const { exited } = await open(app, harness().commands.sleep, one)
        const outcome = expect(exited).rejects.toThrow('enough')
        one.cancel.abort(new Error('enough'))
        await outcome
        expect(await observe(app)).toEqual([])
        await expect(open(app, harness().commands.sleep, one)).rejects.toThrow('enough')
        expect(await observe(app)).toEqual([])
      },
    )

    test('one out of time fails with an error', async () => {
      const app = newApp()
      // Long enough to start on any backend.
      const seconds = harness().patience === undefined ? 1 : 10
      const wanted = oneOff(app, harness().commands.sleep, seconds)
      const begun = harness().scheduler().open(wanted, client().io)
      await expect(begun.then(({ exited }) => exited)).rejects.toMatchObject({ name: 'TimeoutError' })
      expect(await observe(app)).toEqual([])
    })

    test('remove ends it', async () => {
      const app = newApp()
      const { exited } = await open(app, harness().commands.sleep, client({ terminal: true }))
      const outcome = expect(exited).rejects.toThrow()
      await harness().scheduler().remove(app, never)
      await outcome
      expect(await observe(app)).toEqual([])
    })

    test('nothing of it is in the logs', async () => {
      const [app, pod] = await worker(harness().commands.print('from the pod'))
      const one = client()
      const opened = await open(app, harness().commands.echo('from a session'), one)
      expect(await opened.exited).toBe(0)
      expect(one.stdout().toString()).toBe('from a session\n')
      expect(await inside(app, pod, harness().commands.echo('from inside'))).toEqual([0, 'from inside\n'])
      const logged = await until('the output of the pod is in the logs', async () => {
        const lines = texts(await harness().scheduler().logs(app, { lines: 100 }))
        return lines.length > 0 && lines
      })
      expect(logged).toEqual(['from the pod'])
    })
  })
}
