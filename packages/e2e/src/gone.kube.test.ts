// The controller's pod is deleted in the middle of changes and pushes: does everybody learn how that ended?
import { afterAll, beforeAll, describe, test } from 'vitest'
import { newApp } from './app.ts'
import { newPerson, password } from './client.ts'
import { kubectl, objects, testCluster } from './cluster.ts'
import { changePoints, changeSteps, pushPoints, pushSteps, type Stage } from './gone-steps.ts'
import { serving } from './http.ts'
import { install, type Installation } from './installation.ts'
import { openMiddle } from './middle.ts'
import { until } from './until.ts'

type ControllerPod = {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** Deletes the pod by turns as a person does, and without waiting for it to end. */
function deleting({ namespace, api }: Installation): Pick<Stage, 'kill' | 'comeBack'> {
  const pods = async (): Promise<ControllerPod[]> =>
    (await objects<{ items: ControllerPod[] }>('pods', '-n', namespace, '--selector=app=deis-controller')).items
  const deleted = new Set<string>()
  let forced = false
  return {
    async kill() {
      const staying = (await pods()).filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      const names = staying.map(({ metadata }) => metadata.name)
      for (const name of names) deleted.add(name)
      forced = !forced
      const how = forced ? ['--grace-period=0', '--force'] : []
      await kubectl('delete', 'pods', '-n', namespace, '--wait=false', ...how, '--', ...names)
    },
    async comeBack() {
      await until({ what: 'the next controller is ready', seconds: 100 }, async () =>
        (await pods()).some(
          ({ metadata, status }) =>
            !deleted.has(metadata.name) &&
            status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True'),
        ),
      )
      await until({ what: 'it answers' }, async () => (await fetch(`${api}/v2/`)).status === 401)
    },
  }
}

describe.skipIf(!testCluster).sequential('the pod of the controller is deleted', () => {
  let platform: Installation
  let stage: Stage

  beforeAll(async () => {
    platform = await install()
    const middle = await openMiddle(platform.api)
    const ann = await newPerson({ folder: platform.folder, git: platform.git, api: middle.url }, 'ann')
    const account = ['--username=ann', `--password=${password}`, '--email=ann@example.com']
    await ann.does(['register', middle.url, ...account, `--token=${await platform.registrationToken()}`])
    await ann.does(['keys:add'])
    const shop = await newApp(ann, `${platform.namespace}-shop`)
    await shop.deploy()
    await serving(platform, shop.app, { message: 'hello' })
    stage = { platform, shop, middle, ...deleting(platform) }
  }, 600_000)
  afterAll(async () => {
    await stage?.middle.close()
    await platform?.clear()
  }, 120_000)

  describe.sequential('in a change', () => changeSteps(() => stage, changePoints))
  describe.sequential('in a push', () => pushSteps(() => stage, pushPoints))
})
