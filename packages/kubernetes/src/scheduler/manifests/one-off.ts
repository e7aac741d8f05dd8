// Which pod runs one command to its end (docs/contract/api.md §4.15)?
import { isDeepStrictEqual } from 'node:util'
import { pathOf, type Pod, type Secret } from '../../client/objects.ts'
import { controllerKey } from '../../cluster/labels.ts'
import type { OneOff } from '@deis/ports/scheduler'
import { type Backend, nameOf } from '../backend.ts'
import { oneOffType, platformAnnotation } from './labels.ts'
import { envSecret, pullSecrets, type PullOptions } from './secret.ts'
import { podLabels, podSpec, type PodSettings } from './template.ts'

/** Between TERM and KILL. */
const graceSeconds = 5

export function oneOffPod(
  settings: PodSettings & PullOptions & { readonly instance: string; readonly platform: string },
  oneOff: OneOff,
  { name, restricted, secret }: { readonly name: string; readonly restricted: boolean; readonly secret: string },
): Pod {
  const { app, release, artifact, registry } = oneOff
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: app,
      labels: podLabels({ app, type: oneOffType, release }),
      annotations: { [controllerKey]: settings.instance, [platformAnnotation]: settings.platform },
    },
    spec: podSpec(
      {
        ...oneOff,
        type: oneOffType,
        probes: {},
        envSecret: secret,
        pullSecrets: pullSecrets(app, artifact, registry, settings).map(nameOf),
        restricted,
        restartPolicy: 'Never',
        graceSeconds,
        drains: false,
      },
      settings,
    ),
  }
}

/**
 * Uses the release's own secret if it has the same content, and creates it if there is none; else the pod gets one of its own,
 * since other pods may use the release's. Returns its name, and a function that deletes it.
 */
export async function ensureSecrets(
  { kube, options, inUse }: Backend,
  oneOff: OneOff,
  podName: string,
  signal: AbortSignal,
): Promise<{ readonly name: string; done(): Promise<void> }> {
  const { app, release, env, artifact, registry } = oneOff
  const shared = envSecret(app, release, env)
  await Promise.all(pullSecrets(app, artifact, registry, options).map((secret) => kube.apply(secret, { signal })))
  const there = await kube.find<Secret>(pathOf('v1/Secret', app, nameOf(shared)), { signal })
  if (!there) await kube.apply(shared, { signal })
  if (!there || isDeepStrictEqual(there.data ?? {}, shared.data)) return { name: nameOf(shared), done: async () => {} }
  const name = `${podName}-env`
  inUse.add(name)
  await kube.apply(envSecret(app, release, env, name), { signal })
  return {
    name,
    async done() {
      inUse.delete(name)
      await kube.remove(pathOf('v1/Secret', app, name))
    },
  }
}
