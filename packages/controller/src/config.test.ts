// Does the controller accept valid settings, and report every invalid one at once?
import { describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'

const read = (env: Record<string, string>) => readConfig(env, '/srv')
const problem = (env: Record<string, string>): string => {
  try {
    read(env)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}

describe('settings', () => {
  it('build plain source with Cloud Native Buildpacks, but in a stack image that the operator brought', () => {
    expect(readConfig({}, '/tmp').cluster.cnb).toMatchObject({
      builder: 'heroku/builder:24',
      lifecycleImage: null,
      plain: 'cnb',
    })
    expect(readConfig({ DEIS_STACK_IMAGE: 'acme/stack' }, '/tmp').cluster.cnb).toMatchObject({ plain: 'classic' })
  })

  it('are usable without any', () => {
    expect(read({})).toMatchObject({
      dataDir: '/srv/.deis',
      scheduler: 'process',
      registrationMode: 'enabled',
      deployBatches: 0,
      historyLimit: null,
      pullPolicy: 'IfNotPresent',
      gitUrl: null,
      apiUpstream: null,
      publicApi: false,
      acme: null,
      gitHost: 'localhost',
      cluster: { routing: 'router', ingressClass: null, toolsImage: null, quota: null, drainSeconds: 5 },
    })
  })

  it('reach nobody in quarantine', () => {
    const outside = { DEIS_DEPLOY_HOOK_URLS: 'https://hooks.example.com', DEIS_API_UPSTREAM: '10.0.0.1:80' }
    expect(read({ ...outside, DEIS_GIT_HOST: '0.0.0.0', DEIS_QUARANTINE: '1' })).toMatchObject({
      quarantine: true,
      deployHooks: { urls: [] },
      apiUpstream: null,
      publicApi: false,
      gitHost: 'localhost',
    })
    expect(problem({ DEIS_QUARANTINE: '1', DEIS_API_HOST: '0.0.0.0' })).toContain('DEIS_API_HOST must be localhost')
  })

  it('take what a cluster needs', () => {
    expect(
      read({
        DEIS_SCHEDULER: 'kubernetes',
        DEIS_ROUTING: 'ingress',
        DEIS_INGRESS_CLASS: 'traefik',
        DEIS_INGRESS_ISSUER: 'letsencrypt-prod',
        DEIS_REGISTRY_HOSTNAME: 'registry.example.com:5000',
        DEIS_REGISTRY_ORGANIZATION: 'acme/apps',
        DEIS_REGISTRY_USERNAME: 'robot',
        DEIS_REGISTRY_PASSWORD: 'secret',
        DEIS_REGISTRY_INSECURE: '10.0.0.1:5000, registry.local',
        DEIS_REGISTRY_MIRRORS: 'docker.io=mirror.example.com/hub',
        DEIS_BUILD_NODES: 'disk=ssd,example.com/zone=a',
        DEIS_BUILDPACKS: 'https://example.com/a.git#v1, https://example.com/b.git',
        DEIS_POD_URL: 'http://10.0.0.2:8000/',
        KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: '{"spec":{"hard":{"pods":"10"}}}',
        KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT: '5',
        DEIS_GIT_URL: 'ssh://git@git.example.com:2222/',
        DEIS_API_UPSTREAM: '10.96.0.7:80',
        DEIS_DEBUG: '1',
        POD_NAMESPACE: 'deis',
        DEIS_APP_SOURCES: '10.0.0.0/8, ingress-nginx, team=edge, fd00::/8',
        DEIS_EGRESS_BLOCKED: '192.168.0.0/16',
        DEIS_POD_SECURITY: 'baseline',
      }),
    ).toMatchObject({
      scheduler: 'kubernetes',
      historyLimit: 5,
      gitUrl: 'ssh://git@git.example.com:2222',
      apiUpstream: '10.96.0.7:80',
      cluster: {
        routing: 'ingress',
        ingressClass: 'traefik',
        ingressIssuer: 'letsencrypt-prod',
        registry: {
          host: 'registry.example.com:5000',
          organization: 'acme/apps',
          username: 'robot',
          password: 'secret',
        },
        insecureRegistries: ['10.0.0.1:5000', 'registry.local'],
        registryMirrors: { 'docker.io': 'mirror.example.com/hub' },
        buildNodes: { disk: 'ssd', 'example.com/zone': 'a' },
        buildpacks: ['https://example.com/a.git#v1', 'https://example.com/b.git'],
        podUrl: 'http://10.0.0.2:8000',
        quota: { spec: { hard: { pods: '10' } } },
        debug: true,
        ownNamespace: 'deis',
        appSources: ['10.0.0.0/8', 'ingress-nginx', 'team=edge', 'fd00::/8'],
        egressBlocked: ['192.168.0.0/16'],
        podSecurity: 'baseline',
      },
    })
  })

  it.each([
    [{ DEIS_BACKUP_RECIPIENTS: 'ssh-ed25519' }, 'DEIS_BACKUP_RECIPIENTS must be a list of public keys of age'],
    [{ DEIS_BACKUP_S3_ENDPOINT: 'store' }, 'DEIS_BACKUP_S3_ENDPOINT must be a URL without a path'],
    [
      { DEIS_BACKUP_RECIPIENTS: 'age1qqqqqqqqqqqq', DEIS_BACKUP_PASSPHRASE_FILE: '/x' },
      'DEIS_BACKUP_RECIPIENTS and DEIS_BACKUP_PASSPHRASE_FILE cannot be combined',
    ],
    [{ DEIS_APP_SOURCES: '10.0.0.0/33' }, 'DEIS_APP_SOURCES must be a list of networks'],
    [{ DEIS_APP_SOURCES: 'a=b=c' }, '"a=b=c" is not one'],
    [{ DEIS_EGRESS_BLOCKED: '10.0.0.1' }, 'DEIS_EGRESS_BLOCKED must be a list of networks such as 10.0.0.0/8'],
    [{ DEIS_POD_SECURITY: 'none' }, 'DEIS_POD_SECURITY must be one of restricted, baseline, privileged'],
    [{ DEIS_INGRESS_ISSUER: 'a b' }, 'DEIS_INGRESS_ISSUER must be the name of a ClusterIssuer'],
    [{ DEIS_SCHEDULER: 'nomad' }, 'DEIS_SCHEDULER must be one of process, docker, kubernetes'],
    [{ DEIS_API_PORT: '80a' }, 'DEIS_API_PORT must be a whole number'],
    [{ DATABASE_URL: 'mysql://x' }, 'DATABASE_URL must start with'],
    [{ DEIS_DEPLOY_HOOK_URLS: 'https://hooks.example, ftp://x' }, 'DEIS_DEPLOY_HOOK_URLS must be a list of http'],
    [{ DEIS_SECRET_KEY: 'abc' }, 'DEIS_SECRET_KEY must be 64 hex characters'],
    [{ DEIS_BUILDER_KEY: 'short' }, 'DEIS_BUILDER_KEY must have at least 16'],
    [{ DEIS_REGISTRATION_TOKEN: 'short' }, 'DEIS_REGISTRATION_TOKEN must have at least 16'],
    [
      { DEIS_TRUSTED_PROXIES: '10.0.0.0/8, proxy' },
      'DEIS_TRUSTED_PROXIES must be a list of addresses and networks; "proxy"',
    ],
    [{ DEIS_TRUSTED_PROXIES: '10.0.0.0/33' }, 'DEIS_TRUSTED_PROXIES must be'],
    [{ DEIS_REGISTRY_HOSTNAME: 'https://registry.example.com' }, 'without a scheme'],
    [{ DEIS_REGISTRY_ORGANIZATION: '../up' }, 'DEIS_REGISTRY_ORGANIZATION'],
    [{ DEIS_REGISTRY_USERNAME: 'robot' }, 'must be set together'],
    [{ DEIS_REGISTRY_INSECURE: 'a b' }, 'is not one'],
    [{ DEIS_REGISTRY_MIRRORS: 'docker.io' }, 'must be a list of pairs'],
    [{ DEIS_BUILDER_IMAGE: 'https://x' }, 'DEIS_BUILDER_IMAGE: "https://x" is not the name of an image'],
    [{ DEIS_BUILDER_IMAGES: 'a/b, c d' }, 'DEIS_BUILDER_IMAGES: "c d" is not the name of an image'],
    [{ DEIS_BUILD_MEMORY: 'much' }, 'a quantity such as 2Gi'],
    [{ DEIS_BUILD_NAMESPACE: 'Builds' }, 'DEIS_BUILD_NAMESPACE must be a name'],
    [{ DEIS_POD_URL: 'pods' }, 'DEIS_POD_URL must be an http://'],
    [{ KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: '[1]' }, 'must be a JSON object'],
    [{ KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: '{' }, 'must be a JSON object'],
    [{ DEIS_GIT_SUBMODULES: 'github.com, *.example' }, 'DEIS_GIT_SUBMODULES must be off, * or a list of hosts'],
    [{ DEIS_GIT_SUBMODULES: 'off, github.com/org' }, '"github.com/org" is not a host'],
    [{ DEIS_GIT_URL: 'git.example.com' }, 'DEIS_GIT_URL must be an address such as'],
    [{ DEIS_API_UPSTREAM: 'http://x' }, 'DEIS_API_UPSTREAM must be host:port'],
    [{ IMAGE_PULL_POLICY: 'Sometimes' }, 'IMAGE_PULL_POLICY must be one of'],
  ])('%j is refused', (env, text) => expect(problem(env as Record<string, string>)).toContain(text))

  it.each([
    [undefined, []],
    ['off', []],
    ['GitHub.com, git.internal:8443', ['github.com', 'git.internal:8443']],
    ['*', ['*']],
  ])('submodules come from the hosts of %j', (value, hosts) => {
    const env: Record<string, string> = value === undefined ? {} : { DEIS_GIT_SUBMODULES: value }
    expect(read({ ...env, GIT_SSL_CAINFO: '/ca.pem' }).submodules).toEqual({ hosts, caFile: '/ca.pem' })
  })

  it('list all problems together', () => {
    const said = problem({ DEIS_API_PORT: 'x', DEIS_ROUTING: 'y', DEIS_POD_URL: 'z' })
    for (const name of ['DEIS_API_PORT', 'DEIS_ROUTING', 'DEIS_POD_URL']) expect(said).toContain(name)
  })
})
