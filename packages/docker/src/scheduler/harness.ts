// How is the scheduler for Docker tried by the contract?
import type { Answer, Harness } from '@deis/ports/testing/contract-harness'
import type { DockerOptions } from './backend.ts'
import { createDockerScheduler } from './create.ts'
import { get, openTestbed, serve } from './testbed.ts'

export async function openDockerHarness(reach: DockerOptions['reach']): Promise<Harness> {
  const testbed = await openTestbed('ds')
  /** Requests that have no answer yet, and to which app. */
  const asking = new Map<Promise<Answer>, string>()
  // As routers tell it: requests that may have chosen the pod are over, and later ones do not choose it.
  const drained = async (app: string): Promise<void> =>
    void (await Promise.allSettled([...asking].flatMap(([asked, of]) => (of === app ? [asked] : []))))
  const open = async () => createDockerScheduler(await testbed.options({ reach, drained }))
  let scheduler = await open()
  let turn = 0
  const addressOf = async (app: string): Promise<string> => {
    const { addresses } = await scheduler.upstreams(app)
    const address = addresses[turn++ % addresses.length]
    if (address === undefined) throw new Error(`${app} has no address`)
    return address
  }
  return {
    scheduler: () => scheduler,
    artifact: await testbed.image('stack:1'),
    prefix: testbed.prefix,
    patience: 2,
    commands: {
      serve,
      crash: 'echo boom; exit 1',
      neverReady: 'sleep 600',
      print: (text) => `echo ${text}; sleep 600`,
      echo: (text) => `echo ${text}`,
      exit: (code) => `exit ${code}`,
      printenv: (name) => `printenv ${name}`,
      sleep: 'sleep 600',
    },
    ask(app) {
      const asked = addressOf(app).then(async (address) => JSON.parse(await get(address)) as Answer)
      asking.set(asked, app)
      return asked.finally(() => asking.delete(asked))
    },
    async crash({ address }) {
      await get(address ?? '', '/crash').catch(() => {})
    },
    async reopen() {
      await scheduler.close({ stop: false })
      scheduler = await open()
    },
    async reboot(pods) {
      await scheduler.close({ stop: false })
      await testbed.docker('kill', ...pods.map(({ name }) => name))
      scheduler = await open()
    },
    async close() {
      await scheduler.close({ stop: false })
      await testbed.remove()
    },
  }
}
