// What happens to the pods that an earlier controller started?
import { discard } from '@deis/machine/discard'
import { isAlive, killAll, signalGroup, variableOfAll, withVariable } from '@deis/machine/pid'
import { isAppId } from '@deis/ports/names'
import { openEndpoint } from '@deis/ports/health'
import { type Backend, openApp, type ProcessApp } from './backend.ts'
import { adopt, podVariable, sessionVariable } from './launch.ts'
import { followOutput, watchPod } from './process.ts'
import { type Found, loadStates, newPod, type Pod, podFolder, type PodRecord, save } from './pod.ts'
import { retire, stopPod, supervise } from './supervise.ts'
import { endpointsOf } from './target.ts'

const connectMs = 1000

function toPod(app: ProcessApp, record: PodRecord): Pod {
  const pod = newPod({
    ...record,
    app,
    spec: null,
    // This is known again with the next apply; until then it stays as it was.
    routable: record.address !== null,
  })
  return Object.assign(pod, { address: record.address, started: new Date(record.started), state: 'starting' })
}

/** Continues to supervise a pod that runs and is wanted, or to stop it. */
async function resume(backend: Backend, pod: Pod, record: PodRecord): Promise<void> {
  if (!record.process) return
  pod.process = adopt(record.process, pod.started, pod.end.signal)
  await followOutput(backend, pod)
  if (pod.stage === 'stopping') return retire(backend, pod)
  const answers =
    pod.address === null || (await openEndpoint(endpointsOf(pod.port), AbortSignal.timeout(connectMs))) !== null
  if (answers) Object.assign(pod, { ready: true, state: 'up' })
  pod.supervision = supervise(backend, pod)
  await watchPod(backend, pod)
}

/** Ends what an unfinished start or a one-off command left, reads its last lines and deletes it. */
async function clear(backend: Backend, pod: Pod, record: PodRecord): Promise<void> {
  if (record.process && (await isAlive(record.process))) signalGroup(record.process.pid, 'SIGKILL')
  // Without its folder there is nothing left to read.
  await followOutput(backend, pod).catch(() => {})
  await stopPod(backend, pod, 0)
}

/** Adopts what serves, continues to stop what was being stopped, and ends everything else: no orphans are left. */
export async function recover(backend: Backend): Promise<void> {
  const { folder, log } = backend.options
  const states = await loadStates(folder, (app, error) =>
    log('warn', 'state of an app is not readable', { app, error }),
  )
  const owners = await variableOfAll(podVariable)
  const running = new Set(owners.values())
  const sessions = await variableOfAll(sessionVariable)
  /** The clients of sessions beside a pod are gone. */
  const endSessions = async (name: string): Promise<void> => {
    const ids = new Set([...sessions].filter(([pid]) => owners.get(pid) === name).map(([, id]) => id))
    for (const id of ids) await killAll(() => withVariable(sessionVariable, id))
  }
  const recoverApp = async ({ app: id, records, orphans }: Found): Promise<void> => {
    const app = openApp(backend, id)
    const runAs = await backend.options.accounts.of(id)
    const all = records.map((record) => ({ record, pod: toPod(app, record) }))
    for (const { pod } of all) {
      app.pods.set(pod.name, pod)
      backend.ports.reserve(pod.port, runAs?.uid ?? null)
    }
    await Promise.all(
      all.map(async ({ pod, record }) => {
        const wanted = pod.stage === 'serving' || pod.stage === 'stopping'
        const alive = record.process !== null && (await isAlive(record.process))
        await endSessions(pod.name)
        if (wanted && alive) await resume(backend, pod, record)
        else await clear(backend, pod, record)
      }),
    )
    for (const name of orphans) {
      if (running.has(name)) await killAll(() => withVariable(podVariable, name))
      await discard(podFolder(folder, id, name))
    }
    if (records.length > 0 || orphans.length > 0) await save(backend, app)
  }
  // Anything else in the folder is not ours.
  await Promise.all(states.filter((state) => isAppId(state.app)).map(recoverApp))
  await backend.ports.close()
}
