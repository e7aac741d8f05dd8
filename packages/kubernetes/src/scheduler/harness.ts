// How is the Kubernetes scheduler tried by the contract?
import { pathOf, type Pod } from '../client/objects.ts'
import type { Answer, Harness } from '@deis/ports/testing/contract-harness'
import type { ObservedPod } from '@deis/ports/scheduler'
import { createKubernetesScheduler } from './create.ts'
import { get, openTestbed, serve, stay } from './testbed.ts'

const port = 5000
const patience = 3

export async function openKubernetesHarness(): Promise<Harness> {
  const testbed = await openTestbed('ks')
  let instance = 1
  const open = () =>
    createKubernetesScheduler(
      testbed.options({ instance: `controller-${instance}`, alive: async (one) => one === `controller-${instance}` }),
    )
  let scheduler = await open()
  return {
    scheduler: () => scheduler,
    artifact: await testbed.image('stack:1'),
    prefix: testbed.prefix,
    sessions: { noInputEndInExec: true },
    patience,
    goesBack: true,
    commands: {
      serve,
      crash: 'echo boom; exit 1',
      neverReady: stay,
      print: (text) => `echo ${text}; ${stay}`,
      echo: (text) => `echo ${text}`,
      exit: (code) => `exit ${code}`,
      printenv: (name) => `printenv ${name}`,
      sleep: stay,
    },
    async ask(app) {
      const [address] = (await scheduler.upstreams(app)).addresses
      if (address === undefined) throw new Error(`${app} has no address`)
      return JSON.parse(await get(address)) as Answer
    },
    async crash({ name }) {
      const app = name.slice(0, name.lastIndexOf('-web-'))
      const { status } = await testbed.kube.get<Pod>(pathOf('v1/Pod', app, name))
      await get(`${status?.podIP}:${port}`, '/crash').catch(() => {})
    },
    async reopen() {
      await scheduler.close({ stop: false })
      instance++
      scheduler = await open()
    },
    async reboot(pods) {
      await scheduler.close({ stop: false })
      const app = ({ name, type }: ObservedPod): string => name.slice(0, name.lastIndexOf(`-${type}-`))
      await Promise.all(
        pods.map((pod) => testbed.kube.remove(pathOf('v1/Pod', app(pod), pod.name), { graceSeconds: 0 })),
      )
      instance++
      scheduler = await open()
    },
    async close() {
      await scheduler.close({ stop: false })
      await testbed.remove()
    },
  }
}
