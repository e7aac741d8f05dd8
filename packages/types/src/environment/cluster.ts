// Which settings has a controller that only count where apps run on a cluster?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, choice, list } = settingsOf('controller')

const apps = {
  DEIS_ROUTING: choice('router', ['router', 'ingress'], 'who serves apps: the routers, or Ingress objects'),
  DEIS_INGRESS_CLASS: text('', 'the class of these Ingress objects', { usually: 'that of the cluster' }),
  DEIS_POD_DRAIN_SECONDS: integer(5, 0, 600, 'how long a pod that is to end goes on serving', { unit: 'seconds' }),
  DEIS_DEPLOY_BATCHES: integer(
    0,
    0,
    10_000,
    'new pods of a type at once; 0: half of them; also in the config of an app',
  ),
  KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT: optionalInteger(0, 10_000, 'old ReplicaSets kept', { usually: '3' }),
  IMAGE_PULL_POLICY: choice(
    'IfNotPresent',
    ['Always', 'IfNotPresent', 'Never'],
    'of the images of apps; also in the config of an app',
  ),
  KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: text('', 'a ResourceQuota for each app: `{"spec":{"hard":{"pods":"10"}}}`'),
  DEIS_APP_SOURCES: list([], 'who reaches apps besides the routers: networks, namespaces, `key=value` of namespaces'),
  DEIS_EGRESS_BLOCKED: list([], 'networks that apps and builds may not reach, besides the metadata addresses'),
  DEIS_POD_SECURITY: choice(
    'restricted',
    ['restricted', 'baseline', 'privileged'],
    'the strictest Pod Security level that the namespaces of apps enforce',
  ),
} as const

const images = {
  DEIS_REGISTRY_HOSTNAME: text('', 'registry for images of pushed apps, `host` or `host:port`', {
    usually: 'none: pushes are refused',
  }),
  DEIS_REGISTRY_ORGANIZATION: text('', 'images are `<host>/<organization>/<app>`'),
  DEIS_REGISTRY_USERNAME: text('', 'account for this registry'),
  DEIS_REGISTRY_PASSWORD: text('', 'its password'),
  DEIS_REGISTRY_INSECURE: list([], 'registries that speak plain HTTP'),
  DEIS_REGISTRY_MIRRORS: list([], 'asked instead: `docker.io=mirror.example.com/hub`'),
  DEIS_REGISTRY_SECRET_PREFIX: text('private-registry', 'name of the Secrets that nodes pull images with'),
} as const

const builds = {
  DEIS_STACK_IMAGE: text('heroku/heroku:24-build', 'buildpacks run in it'),
  DEIS_RUN_IMAGE: text('heroku/heroku:24', 'built apps run on it'),
  DEIS_BUILDAH_IMAGE: text('quay.io/buildah/stable', 'builds Dockerfiles'),
  DEIS_TOOLS_IMAGE: text('', 'an image with Node.js and the programs of the platform', {
    usually: 'none: the stack image has Node.js',
  }),
  DEIS_BUILDPACKS: list([], 'URLs of buildpacks that are tried before the built-in ones'),
  DEIS_BUILD_NAMESPACE: text('deis-builds', 'namespace of builds'),
  DEIS_BUILD_NODES: list([], 'labels of the nodes that builds run on: `disk=ssd`'),
  DEIS_BUILD_MEMORY: text('2Gi', 'memory of one build'),
  DEIS_BUILD_CPU: text('2', 'CPU of one build'),
  DEIS_BUILD_DISK: text('10Gi', 'disk of one build'),
  DEIS_POD_URL: text('', 'where builds reach this controller', { usually: 'the address of its own pod' }),
  POD_IP: text('', 'the address of the pod of the controller; the manifests set it'),
  POD_NAMESPACE: text('', 'the namespace of the platform; the manifests set it'),
} as const

export const clusterSettings = { ...apps, ...images, ...builds } as const

export const clusterSections: readonly Section[] = [
  { title: 'On Kubernetes: apps', settings: apps },
  { title: 'On Kubernetes: registry', settings: images },
  { title: 'On Kubernetes: builds', settings: builds },
]
