// Are the objects of an app those of the contract, to the letter (docs/contract/api.md §4, Appendix C)?
import { expect, test } from 'vitest'
import type { Edge, Formation, OneOff } from '@deis/ports/scheduler'
import { autoscaler, deployment, patience } from './deployment.ts'
import { containerName, deploymentName } from './labels.ts'
import { oneOffPod } from './one-off.ts'
import { probesOf } from './probe.ts'
import { quotaOf } from '../namespace.ts'
import anyShell from '@deis/container/programs/any-shell.sh'
import { envSecret, hostOf, pullSecrets } from './secret.ts'
import { edgeOf, ingress, secretOf, sendsTo, service } from './service.ts'
import type { PodSettings } from './template.ts'

const plain: PodSettings = { debug: false, drainSeconds: 5, nativeSleep: false }
const image = { kind: 'image', reference: 'registry.test/acme/api@sha256:0', launcher: 'none' } as const
const web = { command: 'node server.js', replicas: 2, memory: '256M/512M', cpu: '500m', graceSeconds: 30 }
const tea: Formation = {
  app: 'tea',
  release: 2,
  summary: 'ann deployed acme/api:1',
  artifact: image,
  env: { PORT: '8080', DATABASE_URL: 'x', database_url: 'y' },
  processes: { web },
  routable: 'web',
  port: 8080,
  tags: { disk: 'ssd' },
  registry: {},
  deployTimeoutSeconds: 120,
  batches: 0,
  historyLimit: null,
  pullPolicy: 'IfNotPresent',
}
const made = (
  formation: Formation,
  type = 'web',
  settings = plain,
  pullSecrets: readonly string[] = [],
  restricted = false,
) =>
  deployment(
    { formation, type, process: formation.processes[type] ?? web, surge: 2, seconds: 120, pullSecrets, restricted },
    settings,
  )
const container = (formation: Formation, settings = plain, type = 'web') =>
  made(formation, type, settings).spec?.template.spec?.containers[0]
const ref = (key: string) => ({ name: key, valueFrom: { secretKeyRef: { name: 'tea-v2-env', key } } })

test('a Deployment', () => {
  expect(made(tea, 'web', plain, ['private-registry'])).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: 'tea-web',
      namespace: 'tea',
      labels: { app: 'tea', type: 'web', heritage: 'deis' },
      annotations: { 'kubernetes.io/change-cause': 'ann deployed acme/api:1' },
    },
    spec: {
      selector: { matchLabels: { app: 'tea', type: 'web', heritage: 'deis' } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
      revisionHistoryLimit: 3,
      minReadySeconds: 0,
      progressDeadlineSeconds: 120,
      template: {
        metadata: { labels: { app: 'tea', version: 'v2', type: 'web', heritage: 'deis' } },
        spec: {
          restartPolicy: 'Always',
          nodeSelector: { disk: 'ssd' },
          terminationGracePeriodSeconds: 35,
          automountServiceAccountToken: false,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          imagePullSecrets: [{ name: 'private-registry' }],
          containers: [
            {
              name: 'tea-web',
              image: 'registry.test/acme/api@sha256:0',
              imagePullPolicy: 'IfNotPresent',
              command: ['/bin/bash', '-c'],
              args: ['node server.js'],
              env: [ref('DATABASE_URL'), ref('PORT'), ref('database_url')],
              resources: { requests: { memory: '256Mi' }, limits: { memory: '512Mi', cpu: '500m' } },
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['NET_RAW'] } },
              readinessProbe: {
                tcpSocket: { port: 8080 },
                periodSeconds: 1,
                timeoutSeconds: 5,
                successThreshold: 1,
                failureThreshold: 3,
              },
              lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
            },
          ],
        },
      },
    },
  })
})

test('a type without requests does not drain, and must stay up for a moment', () => {
  const worker = made({ ...tea, processes: { worker: web } }, 'worker').spec
  expect(worker?.template.spec?.terminationGracePeriodSeconds).toBe(30)
  expect(worker?.template.spec?.containers[0]?.lifecycle).toBeUndefined()
  expect(worker?.template.spec?.containers[0]?.readinessProbe).toBeUndefined()
  expect(worker?.minReadySeconds).toBe(5)
})

test('a short deadline stays above the moment it must stay up', () => {
  const parts = {
    formation: tea,
    type: 'worker',
    process: web,
    surge: 1,
    seconds: 1,
    pullSecrets: [],
    restricted: false,
  }
  expect(deployment(parts, plain).spec?.progressDeadlineSeconds).toBe(6)
})

test('servers that know the sleep action use it; without draining there is no hook', () => {
  expect(container(tea, { ...plain, nativeSleep: true })?.lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } })
  expect(container(tea, { ...plain, drainSeconds: 0 })?.lifecycle).toBeUndefined()
})

test.each([
  ['an image`s own entry point', image, null, {}],
  ['a command', image, 'a b', { command: ['/bin/bash', '-c'], args: ['a b'] }],
  ['a slug image', { ...image, launcher: 'slug' }, 'a b', { command: ['/runner/init'], args: ['a b'] }],
] as const)('%s is started as it should', (_what, artifact, command, wanted) => {
  const { command: ran, args } = container({ ...tea, artifact, processes: { web: { ...web, command } } }) ?? {}
  expect(JSON.parse(JSON.stringify({ command: ran, args }))).toEqual(wanted)
})

test('a slug without an image is refused with the next step', () => {
  expect(() => made({ ...tea, artifact: { kind: 'slug', digest: 'sha256:0' } })).toThrow('this build is a slug')
})

test('debugging reaches pods, and the user`s value wins', () => {
  const debug = { ...plain, debug: true }
  expect(container(tea, debug)?.env?.at(-1)).toEqual({ name: 'DEIS_DEBUG', value: '1' })
  expect(container({ ...tea, env: { DEIS_DEBUG: '0' } }, debug)?.env).toEqual([ref('DEIS_DEBUG')])
})

test('probes are the user`s; what is routable must listen at least', () => {
  const probe = { httpGet: { port: 80, path: '/up' }, periodSeconds: 7 }
  expect(probesOf('web', { readinessProbe: probe }, tea)).toEqual({ readinessProbe: probe })
  expect(probesOf('web', { livenessProbe: probe }, tea)).toMatchObject({
    livenessProbe: probe,
    readinessProbe: { tcpSocket: { port: 8080 } },
  })
  expect(probesOf('worker', {}, tea)).toEqual({})
  expect(probesOf('web', {}, { routable: 'web', port: null })).toEqual({})
})

test('the time is for each batch, with the delay of probes on top', () => {
  const slow = { readinessProbe: { initialDelaySeconds: 30 }, livenessProbe: { initialDelaySeconds: 10 } }
  expect(patience(120, slow, 10, 3)).toEqual({ batchSeconds: 150, batches: 4, seconds: 600 })
  expect(patience(120, {}, 0, 1)).toEqual({ batchSeconds: 120, batches: 1, seconds: 120 })
})

test('an autoscaler', () => {
  expect(autoscaler('tea', 'web', { min: 1, max: 4, cpuPercent: 70 })).toEqual({
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'tea-web', namespace: 'tea', labels: { app: 'tea', type: 'web', heritage: 'deis' } },
    spec: {
      minReplicas: 1,
      maxReplicas: 4,
      targetCPUUtilizationPercentage: 70,
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'tea-web' },
    },
  })
})

test('the environment of a release, by its own names', () => {
  expect(envSecret('tea', 2, { A: '1', a: 'ä' })).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: 'tea-v2-env',
      namespace: 'tea',
      labels: { app: 'tea', heritage: 'deis', version: 'v2', type: 'env' },
    },
    type: 'Opaque',
    data: { A: 'MQ==', a: 'w6Q=' },
  })
})

test.each([
  ['acme/api@sha256:0', null],
  ['api', null],
  ['docker.io/acme/api', null],
  ['localhost/api', 'localhost'],
  ['registry.test/acme/api:1', 'registry.test'],
  ['registry.test:5000/api', 'registry.test:5000'],
])('the registry of %s is %s', (reference, host) => {
  expect(hostOf(reference)).toBe(host)
})

const auths = (secrets: ReturnType<typeof pullSecrets>) =>
  secrets.map((secret) => [
    secret.metadata?.name,
    secret.type,
    JSON.parse(Buffer.from(secret.data?.['.dockerconfigjson'] ?? '', 'base64').toString()),
  ])
const kind = 'kubernetes.io/dockerconfigjson'
const prefix = 'private-registry'

test('pull secrets: the app`s registry and the platform`s, each for its own images', () => {
  const own = { username: 'ann', password: 'pw' }
  const options = { secretPrefix: prefix, registryCredentials: { 'registry.test': { username: 'p', password: 'q' } } }
  const hub = { kind: 'image', reference: 'acme/api@sha256:0', launcher: 'none' } as const
  const auth = Buffer.from('ann:pw').toString('base64')
  const platforms = [
    `${prefix}-off-cluster`,
    kind,
    { auths: { 'registry.test': { auth: Buffer.from('p:q').toString('base64') } } },
  ]
  expect(auths(pullSecrets('tea', image, own, options))).toEqual([
    [prefix, kind, { auths: { 'registry.test': { auth } } }],
    platforms,
  ])
  expect(auths(pullSecrets('tea', image, { ...own, hostname: 'other.test' }, options))).toEqual([
    [prefix, kind, { auths: { 'other.test': { auth } } }],
    platforms,
  ])
  expect(auths(pullSecrets('tea', hub, own, options))).toEqual([
    [prefix, kind, { auths: { 'https://index.docker.io/v1/': { auth } } }],
  ])
  expect(auths(pullSecrets('tea', image, {}, options))).toEqual([platforms])
  expect(pullSecrets('tea', hub, {}, options)).toEqual([])
})

test('the Service, and whether it sends where it should', () => {
  expect(service('tea', 'web', 8080)).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'tea', namespace: 'tea', labels: { app: 'tea', heritage: 'deis' } },
    spec: {
      selector: { app: 'tea', heritage: 'deis', type: 'web' },
      ports: [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }],
    },
  })
  expect(service('tea', null, null).spec).toMatchObject({
    selector: { app: 'tea', heritage: 'deis' },
    ports: [{ targetPort: 5000 }],
  })
  expect(sendsTo(service('tea', 'web', 8080), 'web', 8080)).toBe(true)
  expect(sendsTo(service('tea', 'web', 8080), 'cmd', 8080)).toBe(false)
  expect(sendsTo(service('tea', 'web', 8080), 'web', 80)).toBe(false)
  expect(sendsTo(service('tea', 'web', 8080), null, 8080)).toBe(false)
  expect(sendsTo(undefined, null, null)).toBe(false)
})

const edge: Edge = {
  app: 'tea',
  hosts: ['tea', 'www.acme.test'],
  routable: true,
  maintenance: false,
  whitelist: ['10.0.0.0/8', '1.2.3.4'],
  enforceTls: true,
  certificates: [{ host: 'www.acme.test', name: 'acme' }],
}

test('the edge is stored in annotations; empty lists are left out', () => {
  expect(edgeOf(edge).metadata).toEqual({
    name: 'tea',
    namespace: 'tea',
    labels: { 'router.deis.io/routable': 'true' },
    annotations: {
      'router.deis.io/domains': 'tea,www.acme.test',
      'router.deis.io/certificates': 'www.acme.test:acme',
      'router.deis.io/whitelist': '10.0.0.0/8,1.2.3.4',
      'router.deis.io/maintenance': 'False',
      'router.deis.io/ssl.enforce': 'True',
    },
  })
  const bare = { ...edge, hosts: [], certificates: [], whitelist: [], routable: false, maintenance: true }
  expect(edgeOf(bare).metadata).toMatchObject({
    labels: { 'router.deis.io/routable': 'false' },
    annotations: { 'router.deis.io/maintenance': 'True', 'router.deis.io/ssl.enforce': 'True' },
  })
  expect(Object.keys(edgeOf(bare).metadata?.annotations ?? {})).toHaveLength(2)
})

const byDefault = { platformDomain: 'apps.test', ingressClass: null, ingressIssuer: null }

test('an Ingress has a rule for each host', () => {
  expect(ingress(edge, { ...byDefault, ingressClass: 'nginx' }).spec).toEqual({
    ingressClassName: 'nginx',
    rules: ['tea.apps.test', 'www.acme.test'].map((host) => ({
      host,
      http: {
        paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 'tea', port: { number: 80 } } } }],
      },
    })),
  })
  expect(ingress(edge, byDefault).spec?.ingressClassName).toBeUndefined()
  expect(ingress(edge, byDefault).metadata?.annotations).toBeUndefined()
})

test('cert-manager is told to give each host its certificate', () => {
  const { metadata, spec } = ingress({ ...edge, hosts: ['tea', '*.acme.test'] }, { ...byDefault, ingressIssuer: 'ca' })
  expect(metadata?.annotations).toEqual({ 'cert-manager.io/cluster-issuer': 'ca' })
  expect(spec?.tls).toEqual([
    { hosts: ['tea.apps.test'], secretName: 'tea.apps.test-tls' },
    { hosts: ['*.acme.test'], secretName: 'acme.test-wildcard-tls' },
  ])
})

test('the Secret of a long host has a name that Kubernetes takes, and no other host has it', () => {
  const label = 'a'.repeat(62)
  const long = [1, 2].map((last) => `${label}.${label}.${label}.${'b'.repeat(49)}.example.test${last}`)
  const hosts = [...long, ...long.map((host) => `*.${host.slice(2)}`), `${label}.test`]
  const secrets = hosts.map(secretOf)
  expect(hosts[0]).toHaveLength(252)
  expect(new Set(secrets).size).toBe(hosts.length)
  for (const secret of secrets) {
    expect(secret.length).toBeLessThanOrEqual(253)
    expect(secret).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/)
  }
  expect(secrets[0]).toMatch(new RegExp(`^${label}\\.${label}\\..*-[0-9a-f]{16}-tls$`))
  // Where the cut would be at the end of a label.
  expect(secretOf(`${'a.'.repeat(125)}com`)).toMatch(/a-[0-9a-f]{16}-tls$/)
})

test("a quota is the given one, under the app's name", () => {
  expect(quotaOf('tea', { spec: { hard: { pods: '10' } }, metadata: { name: 'x' } })).toEqual({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'tea-quota', namespace: 'tea', labels: { app: 'tea', heritage: 'deis' } },
    spec: { hard: { pods: '10' } },
  })
})

test('a one-off pod', () => {
  const oneOff: OneOff = { ...tea, command: 'rake db:migrate', timeoutSeconds: 60 }
  const settings = { ...plain, secretPrefix: prefix, registryCredentials: {}, instance: 'c-1', platform: 'p-1' }
  expect(oneOffPod(settings, oneOff, { name: 'tea-run-k3x9q', restricted: false, secret: 'tea-v2-env' })).toEqual({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: 'tea-run-k3x9q',
      namespace: 'tea',
      labels: { app: 'tea', version: 'v2', type: 'run', heritage: 'deis' },
      annotations: { 'deis.io/controller': 'c-1', 'deis.io/platform': 'p-1' },
    },
    spec: {
      restartPolicy: 'Never',
      nodeSelector: { disk: 'ssd' },
      terminationGracePeriodSeconds: 5,
      automountServiceAccountToken: false,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      imagePullSecrets: [],
      containers: [
        {
          name: 'tea-run',
          image: 'registry.test/acme/api@sha256:0',
          imagePullPolicy: 'IfNotPresent',
          command: ['/bin/sh', '-c', anyShell, 'deis'],
          args: ['rake db:migrate'],
          env: [ref('DATABASE_URL'), ref('PORT'), ref('database_url')],
          resources: {},
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['NET_RAW'] } },
        },
      ],
    },
  })
})

test('in a restricted namespace, pods request no rights', () => {
  const spec = made(tea, 'web', plain, [], true).spec?.template.spec
  expect(spec?.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  expect(spec?.containers[0]?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
  })
})

test.each([
  ['worker', 'tea-worker'],
  ['a-b', 'tea-a-b'],
  ['celery_beat', 'tea-celery-beat-472a0'],
  ['Worker', 'tea-worker-a67b0'],
])('the type %s has the Deployment %s, and keeps its own name in labels', (type, name) => {
  const { metadata, spec } = made({ ...tea, processes: { [type]: web } }, type)
  expect(deploymentName('tea', type)).toBe(name)
  expect([metadata?.name, spec?.template.spec?.containers[0]?.name]).toEqual([name, name])
  expect(metadata?.labels?.type).toBe(type)
  expect(spec?.selector.matchLabels?.type).toBe(type)
  expect(spec?.template.metadata?.labels?.type).toBe(type)
})

test('a container`s name is not longer than such names may be', () => {
  const type = 'a'.repeat(40)
  expect(containerName(`tea-${'b'.repeat(18)}-x`, type)).toMatch(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
})
