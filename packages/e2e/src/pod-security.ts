// What stands in for the Pod Security admission that clusters have from 1.23 on, where the cluster for tests is older?
// A validating webhook that refuses, in namespaces that enforce `restricted`, what the published profile of that name
// forbids, in the words of the real one.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { kubectl } from './cluster.ts'

const run = promisify(execFile)

type Security = {
  readonly privileged?: boolean
  readonly allowPrivilegeEscalation?: boolean
  readonly runAsNonRoot?: boolean
  readonly runAsUser?: number
  readonly seccompProfile?: { readonly type: string }
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
}
type Container = {
  readonly name: string
  readonly securityContext?: Security
  readonly ports?: readonly { readonly hostPort?: number }[]
}
type Pod = {
  readonly metadata: { readonly name?: string; readonly generateName?: string }
  readonly spec: {
    readonly hostNetwork?: boolean
    readonly hostPID?: boolean
    readonly hostIPC?: boolean
    readonly securityContext?: Security
    readonly volumes?: readonly object[]
    readonly initContainers?: readonly Container[]
    readonly containers: readonly Container[]
  }
}

const volumes = [
  'name',
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]
const runtime = ['RuntimeDefault', 'Localhost']

/** Everything that the profile forbids, in the order of the real one. */
function violations({ spec }: Pod): string[] {
  const containers = [...(spec.initContainers ?? []), ...spec.containers]
  const named = (isBad: (security: Security, container: Container) => boolean): string =>
    containers
      .filter((one) => isBad(one.securityContext ?? {}, one))
      .map(({ name }) => `"${name}"`)
      .join(', ')
  const pod = spec.securityContext ?? {}
  const checks: readonly (readonly [string, string])[] = [
    ['host namespaces', spec.hostNetwork || spec.hostPID || spec.hostIPC ? 'pod' : ''],
    ['privileged', named(({ privileged }) => privileged === true)],
    ['hostPort', named((_, { ports = [] }) => ports.some(({ hostPort = 0 }) => hostPort !== 0))],
    [
      'restricted volume types',
      (spec.volumes ?? []).some((one) => Object.keys(one).some((key) => !volumes.includes(key))) ? 'volumes' : '',
    ],
    ['allowPrivilegeEscalation != false', named((one) => one.allowPrivilegeEscalation !== false)],
    [
      'unrestricted capabilities',
      named(
        ({ capabilities: { add = [], drop = [] } = {} }) =>
          !drop.includes('ALL') || add.some((one) => one !== 'NET_BIND_SERVICE'),
      ),
    ],
    ['runAsNonRoot != true', named((one) => (one.runAsNonRoot ?? pod.runAsNonRoot) !== true)],
    ['runAsUser=0', named((one) => (one.runAsUser ?? pod.runAsUser) === 0)],
    ['seccompProfile', named((one) => !runtime.includes((one.seccompProfile ?? pod.seccompProfile)?.type ?? ''))],
  ]
  return checks.filter(([, who]) => who !== '').map(([what, who]) => `${what} (${who})`)
}

export type PodSecurity = {
  /** How many pods were asked about, and which of them were refused. */
  readonly asked: () => number
  readonly refused: readonly string[]
  close(): Promise<void>
}

async function certificate(folder: string, address: string): Promise<{ key: Buffer; cert: Buffer }> {
  const [key, cert] = [join(folder, 'key'), join(folder, 'cert')]
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=pod-security',
    '-addext',
    `subjectAltName=IP:${address}`,
    '-keyout',
    key,
    '-out',
    cert,
  ])
  return { key: await readFile(key), cert: await readFile(cert) }
}

/**
 * The API server asks at this address of this machine; where nobody answers any more it takes the pods. Other tests have
 * restricted namespaces, too: only those whose names begin with `prefix` are judged.
 */
export async function enforcePodSecurity(prefix: string, address: string): Promise<PodSecurity> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-pod-security-'))
  const secret = await certificate(folder, address)
  const refused: string[] = []
  let asked = 0
  const server = createServer(secret, (request, response) => {
    void text(request).then((body) => {
      const { request: review } = JSON.parse(body) as { request: { uid: string; namespace: string; object: Pod } }
      const isOurs = review.namespace.startsWith(prefix)
      if (isOurs) asked++
      const found = isOurs ? violations(review.object) : []
      const { name: pod, generateName } = review.object.metadata
      if (found.length > 0) refused.push(`${pod ?? generateName}: ${found.join(', ')}`)
      const status = { message: `violates PodSecurity "restricted:latest": ${found.join(', ')}`, code: 403 }
      response.setHeader('content-type', 'application/json').end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: review.uid, allowed: found.length === 0, ...(found.length === 0 ? {} : { status }) },
        }),
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, address, resolve))
  const file = join(folder, 'webhook.json')
  await writeFile(
    file,
    JSON.stringify({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: prefix },
      webhooks: [
        {
          name: 'restricted.pod-security.test',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Ignore',
          timeoutSeconds: 5,
          clientConfig: {
            url: `https://${address}:${(server.address() as AddressInfo).port}/`,
            caBundle: secret.cert.toString('base64'),
          },
          namespaceSelector: { matchLabels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
          rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        },
      ],
    }),
  )
  await kubectl('apply', '-f', file)
  return {
    asked: () => asked,
    refused,
    async close() {
      await kubectl('delete', 'validatingwebhookconfiguration', prefix, '--ignore-not-found')
      server.closeAllConnections()
      server.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
