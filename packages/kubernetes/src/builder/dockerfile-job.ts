// What does the Job of a Dockerfile build look like?
import { join } from 'node:path'
import type { Job } from '../client/objects.ts'
import { sourceFolderName, workFolder } from '@deis/buildpacks/runner/order'
import buildProgram from '../programs/dockerfile-build.sh'
import pushProgram from '../programs/dockerfile-push.sh'
import type { Settings } from './options.ts'
import {
  buildContainer,
  type Container,
  fetcher,
  jobOf,
  pullSecret,
  pushContainer,
  resources,
  scratch,
  variables,
  work,
} from './pod.ts'

export const argsFolderName = 'args'
export const registriesName = 'registries.conf'
export const authName = 'auth.json'
const labelsFolderName = 'labels'

/** Where the built image is, for the container that pushes it. */
const layout = `oci:${workFolder}/image:built`

/** The labels in both forms that the build reads. Values have one line and no quotes. */
export function labelFiles(labels: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries(labels)
  return {
    [`${labelsFolderName}/list`]: all.map(([name, value]) => `${name}=${value}\n`).join(''),
    [`${labelsFolderName}/Dockerfile`]: `FROM localhost/unlabelled\nLABEL ${all
      .map(([name, value]) => `${name}="${value}"`)
      .join(' ')}\n`,
  }
}

export type DockerfileJob = {
  readonly name: string
  readonly app: string
  readonly build: string
  readonly urls: { readonly runner: string; readonly order: string }
  /** `host/name:tag` to push to. */
  readonly image: string
  /** The repository for layers cached between builds; null: none. */
  readonly cache: string | null
  /** The stage that is the image; null: the last. */
  readonly target: string | null
  readonly noCache: boolean
}

type Security = NonNullable<Container['securityContext']>

// Files in the image may have any owner, and package managers switch users, so this is root with the runtime's default
// capabilities, in a container that is not privileged. buildah creates a user namespace and mounts in it: the runtime's profile of
// seccomp, which a kubelet may make the default, forbids the one, and that of AppArmor, the default on Debian and Ubuntu, the other.
const rootUser: Security = {
  privileged: false,
  runAsUser: 0,
  capabilities: { drop: ['NET_RAW'] },
  seccompProfile: { type: 'Unconfined' },
  appArmorProfile: { type: 'Unconfined' },
}

// overlayfs cannot lie on the container's own file system, which is of that kind. One for each: nothing that was built reaches the
// container with the credentials but as a file that it reads.
const layersOf = (container: string): { readonly name: string; readonly mountPath: string } => ({
  name: `${container}-layers`,
  mountPath: '/var/lib/containers',
})

/** What Kubernetes before 1.30 reads in place of `appArmorProfile`, which it ignores. */
const withoutAppArmor = Object.fromEntries(
  [buildContainer, pushContainer].map((name) => [
    `container.apparmor.security.beta.kubernetes.io/${name}`,
    'unconfined',
  ]),
)

const fetchUser: Security = {
  runAsUser: 0,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
}

/** The container that builds has no credentials of the platform; the one that pushes runs no code of the user's. */
export function dockerfileJob(settings: Settings, job: DockerfileJob): Job {
  const { images, limits, env, credentials } = settings
  const registries = { CONTAINERS_REGISTRIES_CONF: join(workFolder, registriesName) }
  const context = join(workFolder, sourceFolderName)
  const auth = '/registry'
  return jobOf(settings, {
    name: job.name,
    app: job.app,
    build: job.build,
    annotations: withoutAppArmor,
    volumes: [
      ...[buildContainer, pushContainer].map((container) => ({
        name: layersOf(container).name,
        emptyDir: scratch(limits),
      })),
      ...(credentials
        ? [
            {
              name: 'auth',
              secret: { secretName: pullSecret, items: [{ key: '.dockerconfigjson', path: 'auth.json' }] },
            },
          ]
        : []),
    ],
    pod: {
      initContainers: [
        fetcher(settings, job.urls, fetchUser),
        {
          name: buildContainer,
          image: images.buildah,
          command: ['sh', '-c', buildProgram, 'build'],
          args: [
            job.cache ?? '',
            context,
            join(workFolder, argsFolderName),
            join(workFolder, labelsFolderName),
            layout,
            '--file',
            join(context, 'Dockerfile'),
            ...(job.target === null ? [] : ['--target', job.target]),
            ...(job.noCache ? ['--no-cache'] : []),
          ],
          env: variables({ ...env, ...registries, REGISTRY_AUTH_FILE: join(workFolder, authName) }),
          resources: resources(limits),
          securityContext: rootUser,
          volumeMounts: [work, layersOf(buildContainer)],
        },
      ],
      containers: [
        {
          name: pushContainer,
          image: images.buildah,
          command: ['sh', '-c', pushProgram, 'push'],
          args: [layout, `docker://${job.image}`],
          env: variables({
            ...env,
            ...registries,
            ...(credentials ? { REGISTRY_AUTH_FILE: `${auth}/auth.json` } : {}),
          }),
          resources: resources(limits),
          securityContext: { ...rootUser, allowPrivilegeEscalation: false },
          volumeMounts: [
            work,
            layersOf(pushContainer),
            ...(credentials ? [{ name: 'auth', mountPath: auth, readOnly: true }] : []),
          ],
        },
      ],
    },
  })
}
