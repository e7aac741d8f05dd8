// Which settings does a controller have with every backend?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, flag, choice, list } = settingsOf('controller')

const seconds = { unit: 'seconds' }
const megabytes = { unit: 'MB' }

const listening = {
  DEIS_API_HOST: text(
    'localhost',
    'address that API and git listen on; `0.0.0.0` for other machines (use TLS: `DEIS_PUBLIC_API`, or a proxy)',
  ),
  DEIS_API_PORT: integer(8000, 0, 65_535, 'port of the API; 0: any free port'),
  DEIS_GIT_HOST: text('', 'address that git over SSH listens on', { usually: '`DEIS_API_HOST`' }),
  DEIS_GIT_PORT: integer(2222, 0, 65_535, 'port of git over SSH; 0: any free port'),
  DEIS_GIT_URL: text('', 'URL for git pushes, such as `ssh://git@git.example.com:2222`', {
    usually: 'the host of the API, `DEIS_GIT_PORT`',
  }),
  DEIS_PLATFORM_DOMAIN: text('localhost', 'domain of the platform; the domain of an app is `<app>.<domain>`', {
    programs: ['controller', 'npm start'],
  }),
  DEIS_ROUTER_PORT: integer(8080, 0, 65_535, 'port of the router; 0: any free port', {
    programs: ['controller', 'router'],
  }),
  DEIS_ROUTER_PUBLIC_PORT: optionalInteger(
    1,
    65_535,
    'port in the URLs of apps, if a proxy is in front of the router',
    {
      programs: ['controller', 'router'],
      usually: '`DEIS_ROUTER_PORT`',
    },
  ),
  DEIS_PUBLIC_API: flag(
    false,
    'whether the router of this machine serves the API, and git over HTTPS, as `deis.<domain>`',
  ),
  DEIS_API_UPSTREAM: text('', 'the same for routers on other machines: the `host:port` where they reach the API'),
  DEIS_MAX_CONNECTIONS_PER_ADDRESS: integer(
    500,
    10,
    1_000_000,
    'limit of open connections to the API per client address',
  ),
  DEIS_MAX_CONNECTIONS: integer(4000, 10, 1_000_000, 'limit of open connections to the API'),
  DEIS_TRUSTED_PROXIES: list(
    [],
    'proxies of the API whose `X-Forwarded-For` is trusted, also for counting failed logins',
  ),
} as const

const state = {
  DEIS_DATA_DIR: text('.deis', 'data folder: state, repositories, slugs, logs and keys; back up all of it', {
    programs: ['controller', 'npm start'],
  }),
  DATABASE_URL: text(
    '',
    'database: `file:` and an absolute path, or `postgres://…`, where `?schema=…` may name a schema',
    {
      usually: 'a SQLite file in the data folder',
    },
  ),
  DEIS_SECRET_KEY: text('', 'key that encrypts config and private keys: 64 hex characters', {
    usually: 'generated once, in `keys/` of the data folder',
  }),
  DEIS_ROUTER_KEY: text('', 'key that routers and controller share: at least 16 characters', {
    programs: ['controller', 'router'],
    usually: 'generated once, in `keys/`',
  }),
  DEIS_BUILDER_KEY: text('', 'key for an external builder (`/v2/hooks`): at least 16 characters', {
    usually: 'generated once, in `keys/`',
  }),
  DEIS_QUARANTINE: flag(
    false,
    'only show what is stored, on this machine: no app runs, nothing outside is contacted; to look at a restored backup',
  ),
  DEIS_DRAIN_NETWORKS: list([], 'networks that log drains may be in, besides public addresses'),
  DEIS_DRAIN_CA_FILE: text('', 'file with more certificate authorities for log drains', { usually: 'none' }),
  DEIS_EVENTS_DAYS: integer(400, 1, 36_500, 'how long recorded changes are kept (`deis events`)', { unit: 'days' }),
  DEIS_EVENTS_MAX: integer(200_000, 1_000, 100_000_000, 'how many of them at most; the oldest go first'),
  DEIS_LOG_LEVEL: choice('info', ['trace', 'debug', 'info', 'warn', 'error', 'silent'], 'log level of the controller', {
    usually: '`info`; `debug` with `DEIS_DEBUG`',
  }),
  DEIS_DEBUG: text('', 'if set, log level `debug`; on a cluster, apps also get `DEIS_DEBUG=1`'),
} as const

const accounts = {
  REGISTRATION_MODE: choice('enabled', ['enabled', 'disabled', 'admin_only'], 'who may register', {
    usually: '`enabled` if the API is local, else `admin_only`',
  }),
  DEIS_REGISTRATION_TOKEN: text('', 'token that registers the first account: at least 16 characters', {
    usually: 'generated once if the API is not local; `npm start` prints it',
  }),
  RESERVED_NAMES: list(['deis', 'deis-builder', 'deis-workflow-manager'], 'names that apps and domains may not have'),
} as const

const deploys = {
  DEIS_SCHEDULER: choice(
    'process',
    ['process', 'docker', 'kubernetes'],
    'backend that runs apps: processes of this machine, a Docker Engine, or a cluster',
  ),
  DEIS_DEPLOY_TIMEOUT: integer(
    120,
    1,
    86_400,
    'deadline for new processes to be ready; also in the config of an app',
    seconds,
  ),
  KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: integer(
    30,
    0,
    86_400,
    'time between TERM and KILL, with both backends; also in the config of an app',
    seconds,
  ),
  DEIS_DRAIN_SECONDS: integer(30, 0, 3600, 'how long requests from before a deploy may continue', {
    ...seconds,
    programs: ['controller', 'router'],
  }),
  DEIS_PUSH_END_SECONDS: integer(
    30,
    0,
    60,
    'how long pushes that run may continue when the controller gets TERM',
    seconds,
  ),
  DEIS_MAX_PROCESSES: integer(100, 1, 10_000, 'limit of processes per process type of an app'),
  DEIS_RUN_TIMEOUT: integer(3600, 1, 604_800, 'time limit of a one-off process', seconds),
  DEIS_SESSION_TIMEOUT: integer(86_400, 1, 604_800, 'time limit of a session (`run -i`, `run -t`, `ps:exec`)', seconds),
  DEIS_PORT_FIRST: integer(10_000, 1024, 65_535, 'first port for processes on one machine'),
  DEIS_PORT_LAST: integer(29_999, 1024, 65_535, 'last port for processes on one machine'),
  DEIS_ROUTER_USER: text('', 'user that the router runs as, which may connect to these ports', {
    usually: 'that of the controller',
  }),
  DEIS_DEPLOY_PROCFILE_MISSING_REMOVE: flag(
    true,
    'whether a deploy without a Procfile removes the process types of the previous one',
  ),
  DEIS_DEPLOY_REJECT_IF_PROCFILE_MISSING: flag(
    false,
    'whether a deploy without a Procfile is refused if the previous one had it',
  ),
  DEIS_DEPLOY_HOOK_URLS: list([], 'URLs that are notified of every release'),
  DEIS_DEPLOY_HOOK_SECRET_KEY: text('', 'key that signs these notifications'),
} as const

const builds = {
  DEIS_BUILD_TIMEOUT: integer(1800, 1, 86_400, 'time limit of a build', seconds),
  DEIS_BUILDER_IMAGE: text('heroku/builder:24', 'image of Cloud Native Buildpacks that builds apps, in containers'),
  DEIS_BUILDER_IMAGES: list(
    ['heroku/builder:26', 'paketobuildpacks/builder-jammy-base', 'paketobuildpacks/builder-jammy-full'],
    'others that apps may choose (`deis builder:set`)',
  ),
  DEIS_LIFECYCLE_IMAGE: text(
    '',
    'image of the lifecycle, for the phases of a build that have the account of the registry',
    {
      usually: 'the builder',
    },
  ),
  DEIS_KEPT_RELEASES: integer(20, 1, 1000, 'releases of an app whose builds are kept, to roll back to'),
  DEIS_ANY_BRANCH: flag(false, 'whether a push of any branch deploys, not only main, master or the branch of the app'),
  DEIS_GIT_SUBMODULES: list(
    [],
    'hosts from which submodules are fetched over https; `*`: all public hosts; `off`: none',
  ),
  GIT_SSL_CAINFO: text('', 'file with the certificate authorities for these hosts', {
    usually: 'those of the system',
  }),
  DEIS_MAX_PUSH_MB: integer(2048, 1, 1_000_000, 'size limit of a push', megabytes),
  DEIS_MAX_SOURCE_FILES: integer(200_000, 1, 10_000_000, 'limit of files in a deployed commit'),
  DEIS_MAX_SOURCE_MB: integer(2048, 1, 1_000_000, 'limit of their total size', megabytes),
  DEIS_MAX_SLUG_MB: integer(2048, 1, 1_000_000, 'size limit of a compressed slug', megabytes),
  DEIS_MAX_IMAGE_MB: integer(8192, 1, 1_000_000, 'size limit of an image in the archive of an app', megabytes),
  PATH: text('/usr/local/bin:/usr/bin:/bin', 'path of programs for git, and on one machine for toolchains and apps'),
} as const

export const machineSettings = { ...listening, ...state, ...accounts, ...deploys, ...builds } as const

export const machineSections: readonly Section[] = [
  { title: 'Addresses', settings: listening },
  { title: 'State, keys and log', settings: state },
  { title: 'Accounts and names', settings: accounts },
  { title: 'Deploys and processes', settings: deploys },
  { title: 'Pushes and builds', settings: builds },
]
