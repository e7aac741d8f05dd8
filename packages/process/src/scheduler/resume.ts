// How does an app run again what it ran before the machine or the platform was restarted, each process by itself?
import { countOf } from '@deis/ports/take-over'
import type { Formation } from '@deis/ports/scheduler'
import { settle, settleSeconds, type Unready, unreadyOf } from '@deis/ports/resume'
import { type Backend, openApp } from './backend.ts'
import { systemFailure } from './diagnose.ts'
import { type Pod, save } from './pod.ts'
import { unpackedAtOnce } from './process.ts'
import { applyFormation } from './rollout.ts'
import { retire, stopPod, supervise } from './supervise.ts'
import { addPod, requireSlug, servingOf, stay } from './wanted.ts'

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
  await requireSlug(backend, formation)
  const { add, retire: old, changed } = await stay(backend, app, formation)
  // The programs that unpack start meanwhile.
  backend.options.archiver.expect(0, Math.min(add.length, unpackedAtOnce))
  const made = await Promise.allSettled(add.map((type) => addPod(backend, app, formation, type, 'serving')))
  const added = made.filter((one) => one.status === 'fulfilled').map(({ value }): Pod => value)
  for (const pod of old) pod.stage = 'stopping'
  try {
    // Before anything runs, so that it is found again after the controller was killed.
    if (added.length + old.length > 0) await save(backend, app)
  } catch (error) {
    for (const pod of old) pod.stage = 'serving'
    await Promise.all(added.map((pod) => stopPod(backend, pod, 0)))
    throw systemFailure(countOf(add), error)
  }
  for (const pod of added) pod.supervision = supervise(backend, pod)
  for (const pod of old) retire(backend, pod)
  app.formation = formation
  backend.changed(app.id)
  await settle([...added, ...changed], settleSeconds(formation), signal)
  // Those that could be made run on.
  for (const one of made) if (one.status === 'rejected') throw systemFailure(countOf(add), one.reason)
  return unreadyOf(servingOf(app))
}
