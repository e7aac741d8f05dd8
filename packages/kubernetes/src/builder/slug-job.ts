// What does the Job of a buildpack build look like?
import { join } from 'node:path'
import type { Job } from '../client/objects.ts'
import { securityOf } from '../cluster/security.ts'
import { nodeName, runnerName, workFolder } from '@deis/buildpacks/runner/order'
import type { Settings } from './options.ts'
import { buildContainer, fetcher, jobOf, resources, variables, work } from './pod.ts'

export type SlugJob = {
  readonly name: string
  readonly app: string
  readonly build: string
  readonly urls: { readonly runner: string; readonly order: string }
}

/** Without any privilege: the Pod Security level `restricted`. */
export function slugJob(settings: Settings, { name, app, build, urls }: SlugJob): Job {
  const { images, limits, env, runUser } = settings
  const restricted = securityOf(true)
  const node = images.tools === null ? 'node' : join(workFolder, nodeName)
  return jobOf(settings, {
    name,
    app,
    build,
    volumes: [{ name: 'app', emptyDir: limits.disk === null ? {} : { sizeLimit: limits.disk } }],
    pod: {
      securityContext: { ...restricted.pod, runAsUser: runUser, runAsGroup: runUser, fsGroup: runUser },
      initContainers: [fetcher(settings, urls, restricted.container)],
      containers: [
        {
          name: buildContainer,
          image: images.stack,
          command: [node, join(workFolder, runnerName), 'build'],
          env: variables(env),
          resources: resources(limits),
          securityContext: restricted.container,
          // Several buildpacks write files to the app's later folder.
          volumeMounts: [work, { name: 'app', mountPath: '/app' }],
        },
      ],
    },
  })
}
