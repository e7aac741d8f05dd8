// Which settings of a controller are for a Docker Engine only?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, choice, flag, list } = settingsOf('controller')

export const dockerSettings = {
  DEIS_DOCKER_HOST: text(
    'unix:///var/run/docker.sock',
    'the engine: `unix:///path` or `tcp://host:port`; without it `DOCKER_HOST` counts, with `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH`',
  ),
  DEIS_DOCKER_CERT_PATH: text('', 'folder with `ca.pem`, `cert.pem` and `key.pem`, for an engine with TLS', {
    usually: 'none: without TLS',
  }),
  DEIS_DOCKER_PULL_TIMEOUT: integer(
    3600,
    60,
    86_400,
    'seconds that the engine may take to pull an image; one that makes no progress for 120 seconds is given up before',
  ),
  DEIS_DOCKER_LOCAL_IMAGES: flag(
    false,
    'whether `deis pull` also deploys images that only the engine has (`docker build`): any user may then deploy any of them',
  ),
  DEIS_DOCKER_SUBNETS: list(
    ['10.201.0.0/16'],
    'IPv4 networks that each app gets a part of, for 61 containers; nothing else may use them',
  ),
  DEIS_DOCKER_REACH: choice(
    'auto',
    ['auto', 'bridge', 'published'],
    'how containers are reached: by their address, or by ports published on 127.0.0.1; `auto`: by their address where that works',
  ),
  DEIS_DOCKER_BUILDER: choice(
    'buildkit',
    ['buildkit', 'classic'],
    'what builds Dockerfiles: BuildKit, where the engine has it; or the classic builder, which has no cache mounts and no heredocs, but keeps to `DEIS_BUILD_MEMORY` and `DEIS_BUILD_CPU`',
  ),
  DEIS_DOCKER_FRONTENDS: list(
    ['docker/dockerfile'],
    'repositories of the images that a Dockerfile may ask to be read by (`# syntax=`); such an image reaches what the engine reaches',
  ),
  DEIS_DOCKER_LAYER_CACHE: text(
    '5Gi',
    'layers of Dockerfiles that are kept for later builds, of all apps together; those used the longest ago go first. The cache of BuildKit is kept within it, too, whoever built',
  ),
  DEIS_DOCKER_BUILDPACK_CACHE: text('2Gi', 'a cache of Cloud Native Buildpacks that is larger is deleted'),
  DEIS_DOCKER_REGISTRY_IMAGE: text(
    'registry:3',
    'image of the registry that keeps images of buildpacks, where `DEIS_REGISTRY_HOSTNAME` names none',
  ),
  DEIS_DOCKER_REGISTRY_PORT: integer(
    5211,
    1,
    65_535,
    'port of this registry on 127.0.0.1; images are recorded with it. It asks for a password that only the platform has',
  ),
} as const

export const dockerSections: readonly Section[] = [{ title: 'On Docker', settings: dockerSettings }]
