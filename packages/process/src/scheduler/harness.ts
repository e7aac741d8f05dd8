// How do the contract suites reach the process scheduler, with real processes?
import { killAll, withVariable } from '@deis/machine/pid'
import { type Answer, contractFiles, type Harness, shellCommands } from '@deis/ports/testing/contract-harness'
import { createProcessScheduler } from './create.ts'
import { openTestbed } from './testbed.ts'

export async function openProcessHarness(): Promise<Harness> {
  const testbed = await openTestbed()
  let scheduler = await createProcessScheduler(testbed.options())
  let turn = 0
  return {
    scheduler: () => scheduler,
    artifact: await testbed.slug(contractFiles),
    commands: shellCommands,
    async ask(app) {
      const addresses = (await scheduler.observe(app)).flatMap((pod) => pod.address ?? [])
      const address = addresses[turn++ % addresses.length]
      if (!address) throw new Error(`${app} has no address`)
      return JSON.parse(await testbed.get(address)) as Answer
    },
    crash: async (pod) => void (await testbed.get(pod.address ?? '', '/crash').catch(() => {})),
    async reopen() {
      await scheduler.close({ stop: false })
      scheduler = await createProcessScheduler(testbed.options())
    },
    async reboot(pods) {
      await scheduler.close({ stop: false })
      for (const { name } of pods) await killAll(() => withVariable('DEIS_POD', name))
      scheduler = await createProcessScheduler(testbed.options())
    },
    async close() {
      await scheduler.close({ stop: true })
      await testbed.remove()
    },
  }
}
