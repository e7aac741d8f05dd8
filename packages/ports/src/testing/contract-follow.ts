// What must every scheduler do for clients that follow the logs of an app?
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import type { ContractSteps } from './contract-steps.ts'
import type { LogLine } from '../scheduler.ts'

/** Registers this part of the contract with vitest. */
export function followContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, web, formation, apply, settled, until } = steps
  const texts = (lines: readonly LogLine[]): string[] => lines.map((line) => line.text)

  describe('followed logs', () => {
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
      if (harness().sessions?.simulated) skip('nothing really runs here')
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

    test('lines of later pods come, until it is aborted', async () => {
      const app = newApp()
      const end = new AbortController()
      const lines = await follow(app, end.signal)
      expect(lines).toEqual([])
      const { print } = harness().commands
      for (const release of [1, 2]) {
        await apply(formation(app, release, { worker: web(1, print(`release ${release}`)) }))
        await until('the line has come', async () => texts(lines).includes(`release ${release}`))
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
