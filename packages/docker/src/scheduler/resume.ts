// How does an app run again what it ran before the engine, the machine or the platform was restarted, each process by itself?
import type { Formation } from '@deis/ports/scheduler'
import { settle, settleSeconds, type Unready, unreadyOf } from '@deis/ports/resume'
import { type Backend, openApp } from './backend.ts'
import { applyFormation } from './rollout.ts'
import { retire, supervise } from './supervise.ts'
import { addPod, saveNames, servingOf, stay } from './wanted.ts'

export async function resumeFormation(
  backend: Backend,
  formation: Formation,
  signal: AbortSignal,
): Promise<readonly Unready[]> {
  const app = openApp(backend, formation.app)
  if (servingOf(app).some(({ release }) => release !== formation.release)) {
    await applyFormation(backend, formation, signal, () => {})
    return unreadyOf(servingOf(app))
  }
  await backend.options.networks.ensure(app.id, signal)
  const { add, retire: old, changed } = stay(backend, app, formation)
  const added = add.map((type) => addPod(app, formation, type, 'serving'))
  try {
    // Before anything runs: a container that is not named there would end with this controller.
    if (added.length + old.length > 0) await saveNames(backend, app, added, old)
  } catch (error) {
    for (const { name } of added) app.pods.delete(name)
    throw error
  }
  for (const pod of added) pod.supervision = supervise(backend, pod)
  for (const pod of old) {
    pod.stage = 'stopping'
    retire(backend, pod)
  }
  app.formation = formation
  backend.changed(app.id)
  await settle([...added, ...changed], settleSeconds(formation), signal)
  return unreadyOf(servingOf(app))
}
