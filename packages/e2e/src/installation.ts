// How does the platform get onto the test cluster, the way packages/install/README.md says, and off it again?
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import { run } from './child.ts'
import { mustWork } from './client.ts'
import { kubectl, objects, testCluster } from './cluster.ts'
import { cleanEnv, removeFolder, root, testFolder } from './platform.ts'
import { until } from './until.ts'

const buildSeconds = 600

export type Installation = {
  readonly folder: string
  /** Of the platform itself; apps and builds have namespaces whose names begin like it. */
  readonly namespace: string
  readonly registry: string
  readonly api: string
  readonly git: string
  readonly routerPort: number
  /** Applies the site again with another tag of the image, and waits until it is all that runs. */
  upgrade(tag: string): Promise<void>
  pods(): Promise<Pod[]>
  /** Registers the first account. */
  registrationToken(): Promise<string>
  /** What the README says: afterwards nothing of it is left. */
  uninstall(): Promise<void>
  /** Ends what a failed test left. */
  clear(): Promise<void>
}

export type Pod = {
  readonly metadata: {
    readonly name: string
    readonly uid: string
    readonly labels: Readonly<Record<string, string>>
    readonly deletionTimestamp?: string
  }
  readonly spec: { readonly containers: readonly { readonly image: string }[] }
}
type Service = {
  readonly metadata: { readonly name: string }
  readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly nodePort?: number }[] }
}

/** The image of this checkout, built as an operator builds it: from the bases of the test registry, for there is no other. */
async function publish(folder: string, image: string, tags: readonly string[], registry: string): Promise<void> {
  const storage = ['--root', join(folder, 'root'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs']
  const buildah = async (...args: string[]): Promise<string> =>
    mustWork(
      await run('buildah', [...storage, ...args], { cwd: root, env: cleanEnv(), seconds: buildSeconds }),
      `buildah ${args[0]}`,
    )
  const bases = ['BASE', 'BUILD_BASE'].flatMap((name) => ['--build-arg', `${name}=${registry}/stack:1`])
  // Some networks sign what packages come over with a certificate of their own.
  const certificates = cleanEnv()['SSL_CERT_FILE'] ?? '/etc/ssl/certs/ca-certificates.crt'
  const secrets = ['--secret', `id=ca,src=${certificates}`]
  const build = ['build', '--isolation', 'chroot', '--layers=false', '--tls-verify=false', ...bases, ...secrets]
  await buildah(...build, '-f', 'packages/install/Dockerfile', '-t', `${image}:${tags[0]}`, '.')
  for (const tag of tags) await buildah('push', '--tls-verify=false', `${image}:${tags[0]}`, `docker://${image}:${tag}`)
}

/** What a test needs that shares its cluster with others, and whose cluster makes no volumes. */
function testPatches(namespace: string): string {
  const renamed = (kind: string, more: readonly string[]): string =>
    [
      `  - target: { kind: ${kind} }`,
      '    options: { allowNameChange: true }',
      '    patch: |-',
      `      - { op: replace, path: /metadata/name, value: ${namespace} }`,
      ...more.map((line) => `      - ${line}`),
    ].join('\n')
  return [
    'patches:',
    renamed('ClusterRole', []),
    renamed('ClusterRoleBinding', [
      `{ op: replace, path: /roleRef/name, value: ${namespace} }`,
      `{ op: replace, path: /subjects/0/namespace, value: ${namespace} }`,
    ]),
    '  - target: { kind: PersistentVolumeClaim }',
    '    patch: |-',
    "      - { op: add, path: /spec/storageClassName, value: '' }",
    `      - { op: add, path: /spec/volumeName, value: ${namespace} }`,
    '',
  ].join('\n')
}

function volume(name: string, path: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '10Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: '',
      hostPath: { path },
    },
  })
}

/** The example of the README with the values of this cluster. @throws when it does not hold what it is said to hold. */
function filledIn(example: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the example does not have ${from}`)
    return text.replaceAll(from, to)
  }, example)
}

export async function install(): Promise<Installation> {
  if (!testCluster) throw new Error('there is no test cluster')
  const { registry } = testCluster
  const folder = await testFolder()
  const namespace = noteNamespaces(`insttest-${randomBytes(3).toString('hex')}`)
  const image = `${registry}/${namespace}/deis`
  const site = join(folder, 'install/site')
  const data = join(folder, 'volume')

  const apply = async (tag: string): Promise<void> => {
    const example = await readFile(join(folder, 'install/example/kustomization.yaml'), 'utf8')
    const { items } = await objects<{ items: Service[] }>('services', '-n', namespace)
    const known = (name: string): Service['spec'] | undefined =>
      items.find(({ metadata }) => metadata.name === name)?.spec
    const lines = (...settings: readonly string[]): string => settings.map((line) => `      - ${line}\n`).join('')
    const text = filledIn(example, {
      'namespace: deis\n': `namespace: ${namespace}\n`,
      '  - ../overlays/volume\n': '  - ../overlays/volume\n  - volume.json\n',
      'registry.example.com/platform/deis': image,
      "newTag: '1'": `newTag: '${tag}'`,
      'DEIS_PLATFORM_DOMAIN=apps.example.com': 'DEIS_PLATFORM_DOMAIN=localhost',
      'registry.example.com\n': `${registry}\n${lines(
        `DEIS_REGISTRY_INSECURE=${registry}`,
        `DEIS_BUILD_NAMESPACE=${namespace}-builds`,
        `DEIS_STACK_IMAGE=${registry}/stack:1`,
        `DEIS_RUN_IMAGE=${registry}/stack:1`,
        `DEIS_BUILDAH_IMAGE=${registry}/buildah:1`,
      )}`,
      'git.example.com': known('deis-git')?.clusterIP ?? 'git.example.com',
      'ORGANIZATION=apps': `ORGANIZATION=${namespace}`,
      'DEIS_ROUTER_PUBLIC_PORT=80': `DEIS_ROUTER_PUBLIC_PORT=${known('deis-router')?.ports[0]?.nodePort ?? 80}`,
    })
    await writeFile(join(site, 'kustomization.yaml'), `${text}\n${testPatches(namespace)}`)
    await kubectl('apply', '-k', site)
  }
  const rolledOut = async (): Promise<void> => {
    for (const name of ['deis-controller', 'deis-router'])
      await kubectl('rollout', 'status', `deployment/${name}`, '-n', namespace, '--timeout=110s')
  }
  const service = (name: string): Promise<Service> => objects<Service>('service', name, '-n', namespace)
  const clear = async (): Promise<void> => {
    try {
      const names = (await kubectl('get', 'namespaces', '--output=name')).split('\n')
      const ours = names.filter((name) => name.startsWith(`namespace/${namespace}`))
      if (ours.length > 0) await kubectl('delete', '--wait=false', ...ours)
      for (const kind of ['persistentvolume', 'clusterrole', 'clusterrolebinding'])
        await kubectl('delete', kind, namespace, '--ignore-not-found', '--wait=false')
    } finally {
      await removeFolder(folder)
    }
  }

  try {
    await cp(join(root, 'packages/install'), join(folder, 'install'), { recursive: true })
    await mkdir(site, { recursive: true })
    await mkdir(data)
    // As a provisioner would leave it to the pod's group.
    await chmod(data, 0o777)
    await writeFile(join(site, 'volume.json'), volume(namespace, data))
    await publish(join(folder, 'buildah'), image, ['1', '2'], registry)
    await apply('1')
    // Applied once more, it tells users the addresses that the cluster has given.
    await apply('1')
    await rolledOut()
    const [controller, git, router] = await Promise.all(['deis-controller', 'deis-git', 'deis-router'].map(service))
    return {
      folder,
      namespace,
      registry,
      api: `http://${controller!.spec.clusterIP}`,
      git: `ssh://git@${git!.spec.clusterIP}:2222`,
      routerPort: router!.spec.ports[0]!.nodePort!,
      async upgrade(tag) {
        await apply(tag)
        await rolledOut()
        await until({ what: 'only the new pods are left', seconds: 110 }, async () => {
          const { items } = await objects<{ items: Pod[] }>('pods', '-n', namespace)
          return items.every(({ spec }) => spec.containers[0]?.image.endsWith(`:${tag}`))
        })
      },
      pods: async () => (await objects<{ items: Pod[] }>('pods', '-n', namespace)).items,
      async registrationToken() {
        const keys = await objects<{ data: Record<string, string> }>('secret', 'deis-keys', '-n', namespace)
        return Buffer.from(keys.data['registration.token'] ?? '', 'base64').toString()
      },
      async uninstall() {
        await kubectl('delete', '-k', site)
        await kubectl('delete', 'namespace', `${namespace}-builds`, '--ignore-not-found')
      },
      clear,
    }
  } catch (error) {
    await clear().catch(() => {})
    throw error
  }
}
