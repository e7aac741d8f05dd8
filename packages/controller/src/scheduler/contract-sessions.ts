// What must every scheduler do for who sits at a command, or follows what an app says?
import { createHash, randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { type Seat, screen, takeSeat } from './contract-seat.ts'
import { type ContractSteps, names, never } from './contract-steps.ts'
import { type LogLine, NoSuchPod, type ObservedPod, type Session } from './port.ts'

/** Prints `ready`, exits with 7 on INT, and runs on otherwise. */
const interruptible = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.1; done"
/** Adds a byte to a file ten times a second. */
const beating = "echo ready; trap '' HUP; while :; do printf x >> beats; sleep 0.1; done"
const stillBeats = 'before=$(wc -c < beats); sleep 1; [ "$before" != "$(wc -c < beats)" ]'

/** Registers this part of the contract with vitest. */
export function sessionsContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, web, formation, apply, observe, settled, oneOff, until } = steps
  const real = (skip: (why: string) => void): void => {
    if (harness().sessions?.simulated) skip('nothing really runs here')
  }
  const seat = (options: Parameters<typeof takeSeat>[0] = {}): Seat =>
    takeSeat({ patience: harness().patience ?? 1, ...options })
  const open = (app: string, command: string, { io }: Seat): Promise<Session> =>
    harness().scheduler().open(oneOff(app, command), io)
  const exec = (app: string, pod: ObservedPod | undefined, command: string, { io }: Seat): Promise<Session> =>
    harness()
      .scheduler()
      .exec({ app, pod: pod?.name ?? 'none', command }, io)
  /** Runs a command in a pod to its end. */
  const inside = async (app: string, pod: ObservedPod | undefined, command: string): Promise<[number, string]> => {
    const one = seat({ input: false })
    const { exited } = await exec(app, pod, command, one)
    return [await exited, one.stdout().toString()]
  }
  const worker = async (command = harness().commands.sleep): Promise<[app: string, pod: ObservedPod | undefined]> => {
    const app = newApp()
    await apply(formation(app, 1, { worker: web(1, command) }, { env: { GREETING: 'hello' } }))
    const [pod] = await settled(app, 1)
    return [app, pod]
  }
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
      const bytes = randomBytes(harness().sessions?.simulated ? 10_000 : 1024 * 1024)
      const { exited } = await open(newApp(), 'cat', one)
      one.input.end(bytes)
      expect(await exited).toBe(0)
      const digest = (content: Buffer): string => createHash('sha256').update(content).digest('hex')
      expect([one.stdout().length, digest(one.stdout())]).toEqual([bytes.length, digest(bytes)])
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
      if (harness().sessions?.simulated) {
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

  describe('for who joins a pod', () => {
    test('a command has its environment, and leaves it as it was', async () => {
      const [app, pod] = await worker()
      expect(await inside(app, pod, harness().commands.printenv('GREETING'))).toEqual([0, 'hello\n'])
      expect((await inside(app, pod, harness().commands.exit(3)))[0]).toBe(3)
      expect(names(await observe(app))).toEqual([pod?.name])
    })

    test('a command has its files and its user, and input that ends where that can be told', async ({ skip }) => {
      real(skip)
      const [app, pod] = await worker('id -u > mark; pwd >> mark; echo "$HOME" >> mark; sleep 600')
      const command = 'cat mark; id -u; pwd; echo "$HOME"'
      const lines = await until('the pod has left its mark', async () => {
        const [, output] = await inside(app, pod, command)
        const found = output.trim().split('\n')
        return found.length === 6 && found
      })
      expect(lines.slice(3)).toEqual(lines.slice(0, 3))
      if (harness().sessions?.noInputEndInExec) return
      const one = seat()
      const { exited, pod: where } = await exec(app, pod, 'cat', one)
      expect(where).toBe(pod?.name)
      const bytes = randomBytes(300_000)
      one.input.end(bytes)
      expect(await exited).toBe(0)
      expect(one.stdout().equals(bytes)).toBe(true)
    })

    test('a terminal is one there too', async ({ skip }) => {
      real(skip)
      const [app, pod] = await worker()
      const one = seat({ terminal: true })
      const session = await exec(app, pod, `stty size; ${interruptible}`, one)
      await one.shows('ready')
      expect(one.stdout().toString()).toContain(`${screen.rows} ${screen.columns}\r\n`)
      one.input.write(Buffer.from([3]))
      expect(await session.exited).toBe(7)
    })

    test('a pod that is not there, or not up, is no place', async () => {
      const app = newApp()
      const gone = { name: `${app}-worker-0000000000-abcde` } as ObservedPod
      await expect(exec(app, gone, 'cat', seat())).rejects.toThrow(NoSuchPod)
      const [other, pod] = await worker()
      await expect(exec(app, pod, 'cat', seat())).rejects.toThrow(NoSuchPod)
      await apply(formation(other, 1, { worker: web(0, harness().commands.sleep) }))
      await settled(other, 0)
      await expect(exec(other, pod, 'cat', seat())).rejects.toThrow(NoSuchPod)
    })

    test.each([true, false])('cancelled, it has ended, and the pod has not (terminal: %s)', async (terminal) => {
      const [app, pod] = await worker()
      const one = seat({ terminal })
      const command = harness().sessions?.simulated ? harness().commands.sleep : beating
      const { exited } = await exec(app, pod, command, one)
      const outcome = expect(exited).rejects.toThrow('enough')
      if (command === beating) await one.shows('ready')
      one.cancel.abort(new Error('enough'))
      await outcome
      if (command === beating) expect((await inside(app, pod, stillBeats))[0]).toBe(1)
      expect(await observe(app)).toEqual([pod])
    })

    test('it ends with its pod, which does not wait for it', async () => {
      const [app, pod] = await worker()
      const one = seat({ terminal: true })
      const { exited } = await exec(app, pod, harness().commands.sleep, one)
      const outcome = expect(exited).rejects.toThrow()
      await apply(formation(app, 1, { worker: web(0, harness().commands.sleep) }))
      await settled(app, 0)
      await outcome
    })
  })

  describe('for who follows an app', () => {
    const follow = async (app: string, signal: AbortSignal): Promise<LogLine[]> => {
      const lines: LogLine[] = []
      let answered = false
      const onLine = (line: LogLine): void => {
        expect(answered).toBe(true)
        lines.push(line)
      }
      const before = await harness().scheduler().follow(app, { lines: 10_000 }, onLine, signal)
      answered = true
      lines.unshift(...before)
      return lines
    }

    test('no line is missing and none comes twice', async ({ skip }) => {
      real(skip)
      const app = newApp()
      const counts =
        'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); echo tick $i; [ $((i%20)) -gt 0 ] || sleep 0.05; done'
      await apply(formation(app, 1, { clock: web(1, `${counts}; sleep 600`) }))
      await until('it counts', async () => (await harness().scheduler().logs(app, { lines: 1 })).length > 0)
      const end = new AbortController()
      const all = await Promise.all([1, 2, 3].map(() => follow(app, end.signal)))
      for (const lines of all) {
        const seam = lines.length
        await until('it has gone on', async () => lines.length > seam + 300)
        const ticks = texts(lines).map((text) => Number(text.replace('tick ', '')))
        const [first = 0] = ticks
        expect(ticks).toEqual(ticks.map((_, index) => first + index))
      }
      end.abort()
      const lengths = all.map((lines) => lines.length)
      await apply(formation(app, 1, { clock: web(0, 'sleep 600') }))
      await settled(app, 0)
      expect(all.map((lines) => lines.length)).toEqual(lengths)
    })

    test('lines of pods to come are told, until it ends', async () => {
      const app = newApp()
      const end = new AbortController()
      const lines = await follow(app, end.signal)
      expect(lines).toEqual([])
      const { print } = harness().commands
      for (const release of [1, 2]) {
        await apply(formation(app, release, { worker: web(1, print(`release ${release}`)) }))
        await until('the line is told', async () => texts(lines).includes(`release ${release}`))
      }
      expect(texts(lines)).toEqual(['release 1', 'release 2'])
      expect(lines.map((line) => line.source.replace(/\.[^.]*$/, ''))).toEqual(['worker.v1', 'worker.v2'])
      end.abort(new Error('seen enough'))
      await apply(formation(app, 3, { worker: web(1, print('release 3')) }))
      await until('the line is there', async () =>
        texts(await harness().scheduler().logs(app, { lines: 10 })).includes('release 3'),
      )
      expect(texts(lines)).toEqual(['release 1', 'release 2'])
      await expect(follow(app, end.signal)).rejects.toThrow('seen enough')
    })
  })
}
