// Does the pod of a build with Cloud Native Buildpacks keep credentials and the code of users apart?
import { expect, test } from 'vitest'
import { cnbPlan } from '@deis/buildpacks/cnb/plan'
import { testFacts } from '@deis/buildpacks/cnb/testing'
import { cnbJob, placedFiles } from './cnb-job.ts'
import { complete, type JobBuilderOptions } from './options.ts'

const settings = complete({
  images: { stack: 'stack:1', run: 'run:1', buildah: 'buildah:1', tools: null },
  target: { host: 'registry.example.com', organization: 'apps' },
  credentials: { username: 'ann', password: 'tea' },
  limits: { memory: '1Gi', cpu: null, disk: '2Gi' },
  timeoutSeconds: 60,
  instance: 'one',
} as JobBuilderOptions)

const plan = cnbPlan(
  testFacts(),
  {
    app: 'shop',
    sha: 'abc',
    config: { SECRET: 'milk' },
    noCache: false,
    image: 'registry.example.com/apps/shop:1',
    project: null,
  },
  {
    lifecycleImage: null,
    insecure: [],
    mirrors: {},
    env: {},
    cache: { image: 'registry.example.com/apps/shop/cache:cnb-1' },
    report: '/dev/termination-log',
  },
)

test('a container for each phase, restricted, with nothing that it does not need', () => {
  const job = cnbJob(settings, plan, { name: 'it', app: 'shop', build: 'b1', urls: { runner: 'r', order: 'o' } })
  const spec = job.spec?.template.spec
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]
  expect(containers.map(({ name }) => name)).toEqual(['fetch', 'analyze', 'detect', 'restore', 'build', 'export'])
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 1001, runAsGroup: 1002, fsGroup: 1002 },
  })
  const seen = containers.map(({ name, env = [], volumeMounts = [], securityContext }) => {
    expect(securityContext).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
    const auth = env.find((one) => one.name === 'CNB_REGISTRY_AUTH')
    expect(auth?.value).toBeUndefined()
    return `${name}: ${volumeMounts.map(({ mountPath }) => mountPath).join(' ')}${auth ? ' with credentials' : ''}`
  })
  expect(seen).toEqual([
    'fetch: /deis',
    'analyze: /layers with credentials',
    'detect: /layers /workspace /platform',
    'restore: /layers with credentials',
    'build: /layers /workspace /platform',
    'export: /layers /workspace with credentials',
  ])
  expect(JSON.stringify(job)).not.toMatch(/tea|milk/)
  expect(placedFiles(plan)).toMatchObject({ 'platform/env/SECRET': 'milk' })
})
