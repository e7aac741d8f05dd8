// How is the memory scheduler tested by the contract suite, alone or behind a wrapper?
import type { Harness } from './contract-harness.ts'
import { createMemoryWorld } from './memory-world.ts'
import { createMemoryScheduler } from './memory.ts'
import type { Scheduler } from '../scheduler.ts'

/** `wrap` is called again whenever the suite reopens the backend. */
export async function openMemoryHarness(wrap: (memory: Scheduler) => Scheduler = (memory) => memory): Promise<Harness> {
  const world = createMemoryWorld()
  let scheduler = createMemoryScheduler({ world })
  let wrapped = wrap(scheduler)
  let turn = 0
  const reopen = async (): Promise<void> => {
    scheduler = createMemoryScheduler({ world })
    wrapped = wrap(scheduler)
  }
  return {
    scheduler: () => wrapped,
    artifact: { kind: 'slug', digest: `sha256:${'0'.repeat(64)}` },
    sessions: { simulated: true },
    commands: {
      serve: 'serve',
      crash: 'crash',
      neverReady: 'never-ready',
      print: (text) => `echo ${text}`,
      echo: (text) => `echo ${text}`,
      exit: (code) => `exit ${code}`,
      printenv: (name) => `printenv ${name}`,
      sleep: 'sleep',
    },
    async ask(app) {
      const addresses = (await wrapped.observe(app)).flatMap((pod) => pod.address ?? [])
      const answer = scheduler.ask(addresses[turn++ % addresses.length] ?? '')
      // A request takes a moment, in which other work runs.
      await new Promise((resolve) => setImmediate(resolve))
      if (!answer) throw new Error(`no answer from ${app}`)
      return { pod: answer.pod, greeting: answer.env['GREETING'] ?? null }
    },
    crash: async (pod) => scheduler.crash(pod.name),
    reopen,
    async reboot(pods) {
      for (const { name } of pods) for (const app of world.apps.values()) app.pods.delete(name)
      await reopen()
    },
    close: () => scheduler.close({ stop: true }),
  }
}
