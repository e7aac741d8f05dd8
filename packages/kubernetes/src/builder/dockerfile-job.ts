// What does the Job of a Dockerfile build look like?
import { join } from 'node:path'
import type { Job } from '../client/objects.ts'
import { sourceFolderName, workFolder } from '@deis/buildpacks/runner/order'
import type { Settings } from './options.ts'
import {
  buildContainer,
  type Container,
  fetcher,
  jobOf,
  pullSecret,
  pushContainer,
  resources,
  variables,
  work,
} from './pod.ts'

export const argsFolderName = 'args'
export const registriesName = 'registries.conf'
export const authName = 'auth.json'
const labelsFolderName = 'labels'

const layout = `oci:${workFolder}/image:built`

/**
 * Arguments: a repository for cached layers or an empty text, the context, then options of `buildah build`. Values of build
 * arguments come from files, through the environment of this step alone; the script's own variables begin with `__`, which no
 * argument does. With cached layers every label would be a step that is different in each build: there, all labels are added
 * at the end.
 */
const buildScript = `
set -eu
__cache=$1 __context=$2
shift 2
for __file in "${workFolder}/${argsFolderName}"/*; do
  [ -f "$__file" ] || continue
  __name=\${__file##*/}
  # The x keeps newlines at the end.
  __value=$(cat "$__file"; printf x)
  export "$__name=\${__value%x}"
  set -- "$@" --build-arg "$__name"
done
if [ -n "$__cache" ] && buildah build --help | grep -q -e --cache-to; then
  buildah --storage-driver vfs build --isolation chroot "$@" \\
    --layers --cache-from "$__cache" --cache-to "$__cache" --tag unlabelled -- "$__context"
  buildah --storage-driver vfs build --isolation chroot --quiet --pull=never --tag built -- "${workFolder}/${labelsFolderName}" >/dev/null
else
  while read -r __label; do
    set -- "$@" --label "$__label"
  done <"${workFolder}/${labelsFolderName}/list"
  buildah --storage-driver vfs build --isolation chroot "$@" --tag built -- "$__context"
fi
buildah --storage-driver vfs push --quiet built ${layout}
echo 'Pushing to registry'
`

/** Writes the result, a digest, as the container's termination message. */
const pushScript = `
set -eu
id=$(buildah --storage-driver vfs pull --quiet ${layout})
exec buildah --storage-driver vfs push --quiet --digestfile /dev/termination-log -- "$id" "$1"
`

/** The labels in both forms that the script reads. Values have one line and no quotes. */
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
  readonly noCache: boolean
}

type Security = NonNullable<Container['securityContext']>

// Files in the image may have any owner, and package managers switch users, so this is root with the runtime's default
// capabilities, in a container that is not privileged. RuntimeDefault would forbid the namespaces that buildah creates.
const rootUser: Security = { privileged: false, runAsUser: 0, capabilities: { drop: ['NET_RAW'] } }
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
    volumes: credentials
      ? [
          {
            name: 'auth',
            secret: { secretName: pullSecret, items: [{ key: '.dockerconfigjson', path: 'auth.json' }] },
          },
        ]
      : [],
    pod: {
      initContainers: [
        fetcher(settings, job.urls, fetchUser),
        {
          name: buildContainer,
          image: images.buildah,
          command: ['sh', '-c', buildScript, 'build'],
          args: [
            job.cache ?? '',
            context,
            '--file',
            join(context, 'Dockerfile'),
            ...(job.noCache ? ['--no-cache'] : []),
          ],
          env: variables({ ...env, ...registries, REGISTRY_AUTH_FILE: join(workFolder, authName) }),
          resources: resources(limits),
          securityContext: rootUser,
          volumeMounts: [work],
        },
      ],
      containers: [
        {
          name: pushContainer,
          image: images.buildah,
          command: ['sh', '-c', pushScript, 'push'],
          args: [`docker://${job.image}`],
          env: variables({
            ...env,
            ...registries,
            ...(credentials ? { REGISTRY_AUTH_FILE: `${auth}/auth.json` } : {}),
          }),
          resources: resources(limits),
          securityContext: { ...rootUser, allowPrivilegeEscalation: false },
          volumeMounts: [work, ...(credentials ? [{ name: 'auth', mountPath: auth, readOnly: true }] : [])],
        },
      ],
    },
  })
}
