// What do all Jobs of builds have in common?
import { join } from 'node:path'
import type { Job, Pod } from '../client/objects.ts'
import { controllerKey, heritage } from '../cluster/labels.ts'
import { runnerName, workFolder } from '@deis/buildpacks/runner/order'
import bootstrap from '../programs/build-bootstrap.ts?program'
import { buildLabel } from './names.ts'
import type { Limits, Settings } from './options.ts'

type PodSpec = NonNullable<Pod['spec']>
export type Container = PodSpec['containers'][number]

export const pullSecret = 'deis-build-registry'
/** CNB_REGISTRY_AUTH of the phases that get it. */
export const authSecret = { name: 'deis-build-phases', key: 'auth' }
/** The output of the container that builds is followed; that of the ones that fetch and push is shown only if they fail. */
export const fetchContainer = 'fetch'
export const buildContainer = 'build'
/** With Cloud Native Buildpacks each phase is a container of its name, and this one is the first. */
export const analyzeContainer = 'analyze'
export const pushContainer = 'push'

// Builds are idle most of the time, and a node with many of them must still accept the next.
const requests = { memory: '64Mi', cpu: '50m', 'ephemeral-storage': '64Mi' }

export function resources({ memory, cpu, disk }: Limits): NonNullable<Container['resources']> {
  const limits = Object.fromEntries(
    Object.entries({ memory, cpu, 'ephemeral-storage': disk }).filter(([, value]) => value !== null),
  ) as Record<string, string>
  return {
    limits,
    requests: Object.fromEntries(Object.entries(requests).filter(([name]) => name in limits)),
  }
}

/** A volume of the pod's life and its limit. */
export const scratch = ({ disk }: Limits): { readonly sizeLimit?: string } => (disk === null ? {} : { sizeLimit: disk })

export const variables = (env: Readonly<Record<string, string>>): NonNullable<Container['env']> =>
  Object.entries(env).map(([name, value]) => ({ name, value }))

const workMount = { name: 'work', mountPath: workFolder }

/** The first container of every build. Only it has the URLs of the source and the order. */
export function fetcher(
  { images, limits }: Settings,
  urls: { readonly runner: string; readonly order: string },
  security: NonNullable<Container['securityContext']>,
): Container {
  return {
    name: fetchContainer,
    image: images.tools ?? images.stack,
    command: ['node', '-e', bootstrap, join(workFolder, runnerName), 'fetch'],
    env: variables({
      DEIS_RUNNER: urls.runner,
      DEIS_ORDER: urls.order,
      ...(images.tools === null ? {} : { DEIS_COPY_NODE: '1' }),
    }),
    resources: resources(limits),
    securityContext: security,
    volumeMounts: [workMount],
  }
}

export type JobParts = {
  readonly name: string
  readonly app: string
  readonly build: string
  /** Of the pod. */
  readonly annotations?: Readonly<Record<string, string>>
  readonly pod: Pick<PodSpec, 'initContainers' | 'containers' | 'securityContext'>
  /** Besides the work folder, by name. */
  readonly volumes: NonNullable<PodSpec['volumes']>
}

const keepFinishedSeconds = 600

export function jobOf(settings: Settings, { name, app, build, annotations, pod, volumes }: JobParts): Job {
  const { namespace, instance, timeoutSeconds, limits, nodeSelector, credentials } = settings
  const labels = { ...heritage, app, [buildLabel]: build, [controllerKey]: instance }
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 0,
      // The controller's own deadline comes first; this one is for builds whose controller is gone.
      activeDeadlineSeconds: timeoutSeconds + 30,
      ttlSecondsAfterFinished: keepFinishedSeconds,
      template: {
        metadata: { labels, ...(annotations ? { annotations } : {}) },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 1,
          ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
          ...(credentials ? { imagePullSecrets: [{ name: pullSecret }] } : {}),
          ...pod,
          volumes: [{ name: workMount.name, emptyDir: scratch(limits) }, ...volumes],
        },
      },
    },
  }
}

export const work = workMount
