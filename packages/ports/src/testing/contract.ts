// What must every scheduler do (docs/architecture.md, principle 2)?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { execContract } from './contract-exec.ts'
import { followContract } from './contract-follow.ts'
import { reachContract } from './contract-reach.ts'
import { resumeContract } from './contract-resume.ts'
import { sessionsContract } from './contract-sessions.ts'
import { byType, type ContractSteps, contractSteps, names, never, quiet } from './contract-steps.ts'

type Part = (harness: () => Harness, steps: ContractSteps) => void

/** Releases, commands and logs. */
function workContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, until, web, formation, apply, observe, settled, answering, failure, underLoad } = steps
  const { oneOff, run, routed } = steps

  test('an unknown app has no pods and no lines', async () => {
    expect(await observe('unknown')).toEqual([])
    expect(await routed('unknown')).toBe(false)
    expect(await harness().scheduler().logs('unknown', { lines: 10 })).toEqual([])
    expect(await harness().scheduler().restart('unknown', {}, never)).toEqual([])
  })

  test('a release that crashes fails with its evidence, and the one before still serves', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const before = await observe(app)
    const bad = failure(apply(formation(app, 2, { web: web(2, harness().commands.crash) })))
    await underLoad(app, bad)
    const failed = await bad
    expect(failed.message).toContain('web')
    expect(failed.evidence.join('\n')).toContain('boom')
    expect(failed.hint).not.toBe('')
    expect(await observe(app)).toEqual(before)
  })

  test('a release that never listens fails in time, and the one before still serves', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const before = await observe(app)
    const bad = formation(app, 2, { web: web(1, harness().commands.neverReady) }, { deployTimeoutSeconds: 1 })
    expect((await failure(apply(bad))).message).toContain('web')
    expect(await observe(app)).toEqual(before)
    expect((await harness().ask(app)).pod).toBe(before[0]?.name)
  })

  test('either all types are deployed or none', async () => {
    const app = newApp()
    const { crash, sleep: runs } = harness().commands
    const failed = await failure(apply(formation(app, 1, { web: web(1), worker: web(1, crash) })))
    expect(failed.message).toContain('worker')
    expect(await observe(app)).toEqual([])
    await apply(formation(app, 2, { web: web(1), worker: web(1, runs) }))
    expect((await settled(app, 2)).map((pod) => pod.type).toSorted()).toEqual(['web', 'worker'])
  })

  test('a type that left the formation is stopped', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1), worker: web(1, harness().commands.sleep) }))
    const [kept] = byType(await observe(app), 'web')
    await apply(formation(app, 1, { web: web(1) }))
    expect(names(await settled(app, 1))).toEqual([kept?.name])
  })

  test('run returns the exit code and the output, and leaves nothing', async () => {
    const app = newApp()
    const { commands } = harness()
    expect(await run(app, commands.echo('good morning'))).toEqual([0, 'good morning\n'])
    expect(await run(app, commands.printenv('GREETING'))).toEqual([0, 'hello\n'])
    expect(await run(app, commands.exit(3))).toEqual([3, ''])
    expect(await observe(app)).toEqual([])
    const logged = await until('their output is in the logs', async () => {
      const lines = await harness().scheduler().logs(app, { lines: 10 })
      return lines.length >= 2 && lines
    })
    expect(logged.map(({ text }) => text)).toEqual(['good morning', 'hello'])
    expect(logged.map(({ source }) => source)).toEqual(
      [1, 2].map(() => expect.stringMatching(/^run\.v1\.[a-z0-9]{5}$/)),
    )
    await harness().scheduler().remove(app, never)
  })

  test('a cancelled run fails with the reason, one out of time with a TimeoutError', async () => {
    const app = newApp()
    const cancel = new AbortController()
    const io = { output: quiet, signal: cancel.signal }
    const running = harness().scheduler().run(oneOff(app, harness().commands.sleep), io)
    const outcome = expect(running).rejects.toThrow('enough')
    await until('the one-off is up', async () => {
      const [pod] = await observe(app)
      return pod?.type === 'run' && pod.state === 'up'
    })
    cancel.abort(new Error('enough'))
    await outcome
    expect(await observe(app)).toEqual([])
    const late = harness()
      .scheduler()
      .run(oneOff(app, harness().commands.sleep, 0.3), { output: quiet, signal: never })
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(await observe(app)).toEqual([])
  })

  test('logs returns the newest lines of all pods, including those that are gone', async () => {
    const app = newApp()
    const texts = async (lines: number): Promise<string[]> =>
      (await harness().scheduler().logs(app, { lines })).map((line) => line.text)
    await apply(formation(app, 1, { worker: web(1, harness().commands.print('working hard')) }))
    const [line] = await until('the line is there', async () => {
      const lines = await harness().scheduler().logs(app, { lines: 10 })
      return lines.length > 0 && lines
    })
    const [pod] = await observe(app)
    expect(line?.text).toBe('working hard')
    expect(line?.source).toBe(`worker.v1.${pod?.name.slice(-5)}`)
    expect(Math.abs((line?.time.getTime() ?? 0) - Date.now())).toBeLessThan(60_000)
    await apply(formation(app, 1, { worker: web(0, harness().commands.print('working hard')) }))
    await settled(app, 0)
    await apply(formation(app, 2, { worker: web(1, harness().commands.print('still here')) }))
    await until('the second line is there', async () => (await texts(10)).includes('still here'))
    expect(await texts(10)).toEqual(['working hard', 'still here'])
    expect(await texts(1)).toEqual(['still here'])
    expect(await texts(0)).toEqual([])
  })

  test('a cancelled apply throws the reason and leaves nothing new', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const before = await observe(app)
    const cancel = new AbortController()
    const bad = formation(app, 2, { web: web(1, harness().commands.neverReady) })
    const outcome = expect(harness().scheduler().apply(bad, cancel.signal, quiet)).rejects.toThrow('changed my mind')
    await until('the new pod is there', async () => (await observe(app)).some((pod) => pod.release === 2))
    cancel.abort(new Error('changed my mind'))
    await outcome
    expect(await observe(app)).toEqual(before)
    await expect(harness().scheduler().apply(bad, cancel.signal, quiet)).rejects.toThrow('changed my mind')
    expect(await observe(app)).toEqual(before)
  })

  test('remove leaves nothing, and can be repeated', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1), worker: web(1, harness().commands.print('line')) }))
    await harness().scheduler().remove(app, never)
    expect(await observe(app)).toEqual([])
    expect(await routed(app)).toBe(false)
    expect(await harness().scheduler().logs(app, { lines: 10 })).toEqual([])
    await expect(harness().ask(app)).rejects.toThrow()
    await harness().scheduler().remove(app, never)
    await apply(formation(app, 1, { web: web(1) }))
    await answering(app, 1)
  })

  test('listeners are called until they are removed', async () => {
    const app = newApp()
    const changed: string[] = []
    const stop = harness()
      .scheduler()
      .onChange((one) => void changed.push(one))
    await apply(formation(app, 1, { web: web(1) }))
    expect(changed).toContain(app)
    stop()
    changed.length = 0
    await apply(formation(app, 1, { web: web(0) }))
    await settled(app, 0)
    expect(changed).toEqual([])
  })
}

/** What clients hold open: sessions and logs that are followed. */
export const streamParts: readonly Part[] = [sessionsContract, execContract, followContract]
/** What depends on how pods are reached, for a backend that has several ways and keeps all of the contract by one. */
export const reachParts: readonly Part[] = [reachContract, resumeContract]
/** What becomes of formations. */
export const formationParts: readonly Part[] = [workContract, ...reachParts]

/** Registers the suite with vitest, or some of it. */
export function schedulerContract(
  name: string,
  open: () => Promise<Harness>,
  parts: readonly Part[] = [...streamParts, ...formationParts],
): void {
  describe.concurrent(`${name} keeps the scheduler contract`, () => {
    let harness: Harness
    const steps = contractSteps(() => harness)
    beforeAll(async () => {
      harness = await open()
    })
    afterAll(async () => {
      await harness.close()
    })
    for (const part of parts) part(() => harness, steps)
  })
}
