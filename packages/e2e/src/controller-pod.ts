// How is the controller of an installation deleted, and when is the next one there?
import { kubectl, objects } from './cluster.ts'
import type { Stage } from './gone-steps.ts'
import type { Installation } from './installation.ts'
import { until } from './until.ts'

type ControllerPod = {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string }
  readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] }
}

/** Deletes the pod by turns without waiting for it to end, and as people do. */
export function deleting({ namespace, api }: Installation): Pick<Stage, 'kill' | 'comeBack'> {
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
