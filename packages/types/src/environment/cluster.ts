// Which settings of a controller are for clusters only?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, choice, list } = settingsOf('controller')

const apps = {
  DEIS_ROUTING: choice('router', ['router', 'ingress'], 'how apps are reached: by the routers, or by Ingress objects'),
  DEIS_INGRESS_ISSUER: text(
    '',
    'ClusterIssuer of cert-manager that gives the hosts of these Ingress objects their certificates; none: they have none',
  ),
  DEIS_INGRESS_CLASS: text('', 'class of these Ingress objects', { usually: 'that of the cluster' }),
  DEIS_POD_DRAIN_SECONDS: integer(5, 0, 600, 'how long a pod still serves requests before it is stopped', {
    unit: 'seconds',
  }),
  DEIS_DEPLOY_BATCHES: integer(
    0,
    0,
    10_000,
    'new pods of a type started at once; 0: half of them; also in the config of an app',
  ),
  KUBERNETES_DEPLOYMENTS_REVISION_HISTORY_LIMIT: optionalInteger(0, 10_000, 'old ReplicaSets to keep', {
    usually: '3',
  }),
  IMAGE_PULL_POLICY: choice(
    'IfNotPresent',
    ['Always', 'IfNotPresent', 'Never'],
    'pull policy of the images of apps; also in the config of an app',
  ),
  KUBERNETES_NAMESPACE_DEFAULT_QUOTA_SPEC: text('', 'ResourceQuota of each app: `{"spec":{"hard":{"pods":"10"}}}`'),
  DEIS_APP_SOURCES: list(
    [],
    'who may reach apps besides the routers: networks, namespaces, `key=value` labels of namespaces',
  ),
  DEIS_EGRESS_BLOCKED: list(
    [],
    'networks that apps and builds may not reach; the metadata addresses are always blocked',
  ),
  DEIS_POD_SECURITY: choice(
    'restricted',
    ['restricted', 'baseline', 'privileged'],
    'strictest Pod Security level that the namespaces of apps enforce',
  ),
} as const

const images = {
  DEIS_REGISTRY_HOSTNAME: text('', 'registry for images of pushed apps, `host` or `host:port`', {
    usually: 'none: Kubernetes refuses pushes, on Docker images stay on the machine',
  }),
  DEIS_REGISTRY_ORGANIZATION: text('', 'image names are `<host>/<organization>/<app>`'),
  DEIS_REGISTRY_USERNAME: text('', 'account of this registry'),
  DEIS_REGISTRY_PASSWORD: text('', 'password of this account'),
  DEIS_REGISTRY_INSECURE: list(
    [],
    'registries that use plain HTTP; a Docker Engine has a list of its own, `insecure-registries`',
  ),
  DEIS_REGISTRY_MIRRORS: list([], 'mirrors of registries: `docker.io=mirror.example.com/hub`'),
  DEIS_REGISTRY_SECRET_PREFIX: text(
    'private-registry',
    'prefix of the names of the Secrets for pulling images on Kubernetes',
  ),
} as const

const builds = {
  DEIS_STACK_IMAGE: text('heroku/heroku:24-build', 'image in which buildpacks run'),
  DEIS_RUN_IMAGE: text('heroku/heroku:24', 'image in which built apps run'),
  DEIS_BUILDAH_IMAGE: text('quay.io/buildah/stable', 'image that builds Dockerfiles'),
  DEIS_TOOLS_IMAGE: text('', 'image with Node.js and the programs of the platform', {
    usually: 'none: the stack image has Node.js',
  }),
  DEIS_BUILDPACKS: list([], 'URLs of buildpacks to try before the built-in ones'),
  DEIS_BUILD_NAMESPACE: text('deis-builds', 'namespace of builds'),
  DEIS_BUILD_NODES: list([], 'labels of the nodes for builds: `disk=ssd`'),
  DEIS_BUILD_MEMORY: text('2Gi', 'memory limit of a build'),
  DEIS_BUILD_CPU: text('2', 'CPU limit of a build'),
  DEIS_BUILD_DISK: text('10Gi', 'disk limit of a build'),
  DEIS_POD_URL: text('', 'URL of this controller for builds', { usually: 'the address of its pod' }),
  POD_IP: text('', 'address of the pod of the controller; set by the manifests'),
  POD_NAMESPACE: text('', 'namespace of the platform; set by the manifests'),
} as const

export const clusterSettings = { ...apps, ...images, ...builds } as const

export const clusterSections: readonly Section[] = [
  { title: 'On Kubernetes: apps', settings: apps },
  { title: 'On Kubernetes and Docker: registry', settings: images },
  { title: 'On Kubernetes: builds', settings: builds },
]
