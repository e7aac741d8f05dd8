// What does the Job of a build with Cloud Native Buildpacks look like?
import { type CnbPlan, folders, type Step, type Volume } from '@deis/buildpacks/cnb/plan'
import { sourceFolderName } from '@deis/buildpacks/runner/order'
import type { Job } from '../client/objects.ts'
import { securityOf } from '../cluster/security.ts'
import type { Settings } from './options.ts'
import { authSecret, type Container, fetcher, jobOf, resources, variables, work } from './pod.ts'

type Mounted = Exclude<Volume, 'cache'>

/** Where the volumes of a plan are in the work folder, which the first container fills. */
const places: Readonly<Record<Mounted, string>> = {
  layers: 'layers',
  platform: 'platform',
  workspace: sourceFolderName,
}

/** The files of a plan by their path in the work folder. */
export const placedFiles = ({ files }: CnbPlan): Record<string, string> =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [path.slice(1), text]))

/** Kept between builds is an image of the registry, so no step has a folder for it. */
const isMounted = (volume: Volume): volume is Mounted => volume !== 'cache'

function containerOf(settings: Settings, step: Step): Container {
  const auth = { name: 'CNB_REGISTRY_AUTH', valueFrom: { secretKeyRef: authSecret } }
  return {
    name: step.phase,
    image: step.image,
    command: [...step.command],
    env: [...variables(step.env), ...(step.credentials && settings.credentials ? [auth] : [])],
    resources: resources(settings.limits),
    securityContext: securityOf(true).container,
    volumeMounts: step.mounts
      .filter(isMounted)
      .map((volume) => ({ name: work.name, mountPath: folders[volume], subPath: places[volume] })),
  }
}

export type CnbJob = {
  readonly name: string
  readonly app: string
  readonly build: string
  readonly urls: { readonly runner: string; readonly order: string }
}

/** Without any privilege: the Pod Security level `restricted`, as the user of the builder. */
export function cnbJob(settings: Settings, plan: CnbPlan, { name, app, build, urls }: CnbJob): Job {
  const { pod, container } = securityOf(true)
  const steps = plan.steps.map((step) => containerOf(settings, step))
  return jobOf(settings, {
    name,
    app,
    build,
    volumes: [],
    pod: {
      securityContext: { ...pod, runAsUser: plan.uid, runAsGroup: plan.gid, fsGroup: plan.gid },
      initContainers: [fetcher(settings, urls, container), ...steps.slice(0, -1)],
      containers: steps.slice(-1),
    },
  })
}
