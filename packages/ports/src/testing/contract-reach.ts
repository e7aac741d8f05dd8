// What must every scheduler do for requests to reach an app, whatever happens to its pods?
import { expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { byType, type ContractSteps, names, never, quiet } from './contract-steps.ts'
import type { ObservedPod } from '../scheduler.ts'

/** Registers this part of the contract with vitest. */
export function reachContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, until, web, formation, apply, observe, settled, answering, underLoad, oneOff, routed } = steps

  test('apply starts the wanted number of pods, which answer; a second apply changes nothing', async () => {
    const app = newApp()
    const wanted = formation(app, 1, { web: web(2) }, { env: { GREETING: 'hello' } })
    await apply(wanted)
    expect(await routed(app)).toBe(true)
    const pods = await observe(app)
    expect(pods.map(({ type, release, state }) => ({ type, release, state }))).toEqual([
      { type: 'web', release: 1, state: 'up' },
      { type: 'web', release: 1, state: 'up' },
    ])
    expect([...(await answering(app, 2))].toSorted()).toEqual(names(pods))
    expect((await harness().ask(app)).greeting).toBe('hello')
    await apply(wanted)
    expect(names(await observe(app))).toEqual(names(pods))
  })

  test('scaling changes the number and keeps the pods that stay', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const one = names(await observe(app))
    await apply(formation(app, 1, { web: web(3) }))
    const three = names(await settled(app, 3))
    expect(three).toEqual(expect.arrayContaining(one))
    await underLoad(app, apply(formation(app, 1, { web: web(1) })))
    expect(names(await settled(app, 1))).toEqual(one)
    await apply(formation(app, 1, { web: web(0) }))
    expect(await routed(app)).toBe(false)
    await settled(app, 0)
  })

  test('a new release takes over without losing a request', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(2) }, { env: { GREETING: 'one' } }))
    const old = names(await observe(app))
    const next = apply(formation(app, 2, { web: web(2) }, { env: { GREETING: 'two' } }))
    const gone = next.then(async () => {
      const routed = (await observe(app)).filter((pod) => pod.address !== null)
      expect(routed.filter((pod) => pod.release !== 2)).toEqual([])
      return settled(app, 2)
    })
    expect(await underLoad(app, gone)).toBeGreaterThan(0)
    const pods = await gone
    expect(pods.map((pod) => pod.release)).toEqual([2, 2])
    expect(names(pods).filter((one) => old.includes(one))).toEqual([])
    expect((await harness().ask(app)).greeting).toBe('two')
  })

  test('restart replaces what was chosen, by type or by name, and nothing else', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(2), worker: web(1, harness().commands.sleep) }))
    const before = await settled(app, 3)
    const restarted = harness().scheduler().restart(app, { type: 'web' }, never)
    await underLoad(app, restarted)
    const after = await settled(app, 3)
    expect(names(await restarted)).toEqual(names(byType(after, 'web')))
    expect(names(after).filter((one) => names(byType(before, 'web')).includes(one))).toEqual([])
    expect(byType(after, 'worker')).toEqual(byType(before, 'worker'))

    const [chosen, other] = byType(after, 'web')
    const replaced = await harness()
      .scheduler()
      .restart(app, { name: chosen?.name ?? '' }, never)
    expect(replaced.map(({ type, release, state }) => ({ type, release, state }))).toEqual([
      { type: 'web', release: 1, state: 'up' },
    ])
    expect(names(byType(await settled(app, 3), 'web'))).toEqual([other?.name ?? '', ...names(replaced)].toSorted())
    expect(await harness().scheduler().restart(app, { name: 'no-such-pod' }, never)).toEqual([])
  })

  test('a pod that ends by itself is restarted', async () => {
    const app = newApp()
    await apply(formation(app, 1, { web: web(1) }))
    const [pod] = await observe(app)
    if (!pod) throw new Error('no pod')
    await harness().crash(pod)
    await until('it answers again', async () =>
      harness()
        .ask(app)
        .then(
          () => true,
          () => false,
        ),
    )
    expect(await settled(app, 1)).toHaveLength(1)
  })

  test.sequential('reopened, it still has its pods, no one-off ones, and apply changes nothing', async () => {
    const app = newApp()
    const wanted = formation(app, 1, { web: web(2), worker: web(1, harness().commands.print('from before')) })
    await apply(wanted)
    const before = await settled(app, 3)
    const io = { output: quiet, signal: never }
    const running = harness().scheduler().run(oneOff(app, harness().commands.sleep), io)
    const abandoned = expect(running).rejects.toThrow()
    await until('the one-off is up', async () => byType(await observe(app), 'run').some((pod) => pod.state === 'up'))
    await harness().reopen()
    await abandoned
    const after = await settled(app, 3)
    const sorted = (pods: readonly ObservedPod[]) => pods.toSorted((one, other) => (one.name < other.name ? -1 : 1))
    expect(sorted(after)).toEqual(sorted(before))
    await answering(app, 2)
    await apply(wanted)
    expect(sorted(await observe(app))).toEqual(sorted(before))
    const lines = await harness().scheduler().logs(app, { lines: 10 })
    expect(lines.map((line) => line.text)).toContain('from before')
    await harness().scheduler().remove(app, never)
    expect(await observe(app)).toEqual([])
  })
}
