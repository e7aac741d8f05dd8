// What must every scheduler do when what it ran is gone, because the machine or the platform was restarted?
import { describe, expect, test } from 'vitest'
import type { Harness } from './contract-harness.ts'
import { byType, type ContractSteps, names, never } from './contract-steps.ts'
import type { Formation, ObservedPod } from '../scheduler.ts'
import type { Unready } from '../resume.ts'

/** Registers this part of the contract with vitest. The backend is opened again, so nothing else runs meanwhile. */
export function resumeContract(harness: () => Harness, steps: ContractSteps): void {
  const { newApp, web, formation, apply, observe, settled, answering, failure, until, routed } = steps
  const resume = (wanted: Formation): Promise<readonly Unready[]> => harness().scheduler().resume(wanted, never)
  const worker = (command: string) => web(1, command)
  const texts = async (app: string): Promise<string[]> =>
    (await harness().scheduler().logs(app, { lines: 100 })).map(({ text }) => text)

  /** After a deploy that failed. */
  const stillServing = async (app: string, before: readonly ObservedPod[]): Promise<void> => {
    const now = async () => byType(await observe(app), 'web')
    if (!harness().goesBack) return expect(names(await now())).toEqual(names(before))
    const of = (pods: readonly ObservedPod[]): string[] => pods.map(({ release, state }) => `v${release} ${state}`)
    await until('the former release serves alone', async () => String(of(await now())) === String(of(before)))
  }

  describe.sequential('after a restart', () => {
    test('each process serves as soon as it is ready, one that crashes is tried again, and ends no other', async () => {
      const { sleep: runs, crash } = harness().commands
      const app = newApp()
      await apply(formation(app, 1, { web: web(2), worker: worker(runs) }))
      await harness().reboot(await settled(app, 3))
      const wanted = formation(app, 1, { web: web(2), worker: worker(crash) })
      const answered = until('one of them is routed', () => routed(app)).then(() => answering(app, 2))
      await Promise.all([resume(wanted), answered])
      const cause = await until('the worker alone is not ready', async () => {
        const [one, ...others] = await resume(wanted)
        return one?.type === 'worker' && one.failed && others.length === 0 && one.cause
      })
      expect(cause).toContain('exited with code 1')
      const serving = byType(await observe(app), 'web')
      await until(
        'the worker was tried again',
        async () => (await texts(app)).filter((one) => one === 'boom').length > 1,
      )
      expect(byType(await observe(app), 'worker').length).toBeGreaterThan(0)
      expect(names(byType(await observe(app), 'web'))).toEqual(names(serving))
      // A deploy is still all or none.
      await failure(apply(formation(app, 2, { web: web(2), worker: worker(crash) })))
      await stillServing(app, serving)
      await answering(app, 2)
      await apply(formation(app, 3, { web: web(2), worker: worker(runs) }))
      expect((await settled(app, 3)).map(({ release }) => release)).toEqual([3, 3, 3])
    })

    test('one that never listens keeps no other from running, and is named', async ({ skip }) => {
      if (harness().goesBack) skip('pods with another command take over from those that run')
      const { sleep: runs, neverReady } = harness().commands
      const app = newApp()
      await apply(formation(app, 1, { web: web(1), worker: worker(runs) }))
      await harness().reboot(await settled(app, 2))
      const wanted = formation(app, 1, { web: web(1, neverReady), worker: worker(runs) }, { deployTimeoutSeconds: 5 })
      expect((await resume(wanted)).filter(({ failed }) => failed)).toEqual([])
      await until('the worker is up', async () => byType(await observe(app), 'worker')[0]?.state === 'up')
      const before = names(await observe(app))
      expect(before).toHaveLength(2)
      expect(await routed(app)).toBe(false)
      expect((await resume(wanted)).map(({ type, failed }) => [type, failed])).toEqual([['web', false]])
      expect(names(await observe(app))).toEqual(before)
    })

    test('what still runs is kept, what is missing is started, and all of it is known again', async () => {
      const app = newApp()
      const wanted = formation(app, 1, { web: web(2), worker: worker(harness().commands.sleep) })
      await apply(wanted)
      const before = await settled(app, 3)
      await harness().reboot(byType(before, 'worker'))
      await until('all is ready', async () => (await resume(wanted)).length === 0)
      const after = await settled(app, 3)
      expect(
        byType(after, 'web')
          .map(({ name }) => name)
          .toSorted(),
      ).toEqual(names(byType(before, 'web')))
      await answering(app, 2)
      expect(await harness().scheduler().restart(app, { type: 'worker' }, never)).toHaveLength(1)
      expect(
        byType(await settled(app, 3), 'web')
          .map(({ name }) => name)
          .toSorted(),
      ).toEqual(names(byType(before, 'web')))
    })

    test('while another release serves, all of it takes over or nothing', async () => {
      const app = newApp()
      await apply(formation(app, 1, { web: web(1) }))
      const before = await observe(app)
      const { crash, sleep: runs } = harness().commands
      await failure(resume(formation(app, 2, { web: web(1), worker: worker(crash) })))
      await stillServing(app, before)
      await until('nothing else is left', async () => byType(await observe(app), 'worker').length === 0)
      expect(await resume(formation(app, 3, { web: web(1), worker: worker(runs) }))).toEqual([])
      expect((await settled(app, 2)).map(({ release }) => release)).toEqual([3, 3])
    })
  })
}
