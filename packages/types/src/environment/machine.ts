// Which settings has a controller, wherever apps run?
import { type Section, settingsOf } from './kinds.ts'

const { text, integer, optionalInteger, flag, choice, list } = settingsOf('controller')

const seconds = { unit: 'seconds' }
const megabytes = { unit: 'MB' }

const listening = {
  DEIS_API_HOST: text('localhost', 'where API and git listen; `0.0.0.0` for other machines (put TLS in front)'),
  DEIS_API_PORT: integer(8000, 0, 65_535, 'port of the API; 0: any free port'),
  DEIS_GIT_PORT: integer(2222, 0, 65_535, 'port of git over SSH; 0: any free port'),
  DEIS_GIT_URL: text('', 'where users push to, such as `ssh://git@git.example.com:2222`', {
    usually: 'the host of the API, `DEIS_GIT_PORT`',
  }),
  DEIS_PLATFORM_DOMAIN: text('localhost', 'apps are `<app>.<domain>`', { programs: ['controller', 'npm start'] }),
  DEIS_ROUTER_PORT: integer(8080, 0, 65_535, 'port of the router; 0: any free port', {
    programs: ['controller', 'router'],
  }),
  DEIS_ROUTER_PUBLIC_PORT: optionalInteger(1, 65_535, 'the port in the URLs of apps, where a proxy stands in front', {
    programs: ['controller', 'router'],
    usually: '`DEIS_ROUTER_PORT`',
  }),
  DEIS_API_UPSTREAM: text('', '`host:port` of the API, for routers to serve it as `deis.<domain>`'),
  DEIS_MAX_CONNECTIONS_PER_ADDRESS: integer(500, 10, 1_000_000, 'open connections of one client address to the API'),
  DEIS_MAX_CONNECTIONS: integer(4000, 10, 1_000_000, 'open connections to the API in all'),
  DEIS_TRUSTED_PROXIES: list([], 'proxies of the API whose `X-Forwarded-For` counts; failed logins are counted by it'),
} as const

const state = {
  DEIS_DATA_DIR: text('.deis', 'state, repositories, slugs, logs, keys; back it up whole', {
    programs: ['controller', 'npm start'],
  }),
  DATABASE_URL: text('', '`file:` with an absolute path, or `postgres://…`', {
    usually: 'a SQLite file in the data folder',
  }),
  DEIS_SECRET_KEY: text('', 'encrypts config and private keys: 64 hex characters', {
    usually: 'made once, in `keys/` of the data folder',
  }),
  DEIS_ROUTER_KEY: text('', 'known to routers and controller alone: 16 characters or more', {
    programs: ['controller', 'router'],
    usually: 'made once, in `keys/`',
  }),
  DEIS_BUILDER_KEY: text('', 'for a builder of your own (`/v2/hooks`): 16 characters or more', {
    usually: 'made once, in `keys/`',
  }),
  DEIS_LOG_LEVEL: choice(
    'info',
    ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
    'how much the controller writes to its log',
    { usually: '`info`; `debug` with `DEIS_DEBUG`' },
  ),
  DEIS_DEBUG: text('', 'anything: debug log; on a cluster apps get `DEIS_DEBUG=1` too'),
} as const

const accounts = {
  REGISTRATION_MODE: choice('enabled', ['enabled', 'disabled', 'admin_only'], 'who may register', {
    usually: '`enabled` where the API is local, else `admin_only`',
  }),
  DEIS_REGISTRATION_TOKEN: text('', 'registers the first account: 16 characters or more', {
    usually: 'made once where the API is not local; `npm start` prints it',
  }),
  RESERVED_NAMES: list(['deis', 'deis-builder', 'deis-workflow-manager'], 'names that no app and no domain gets'),
} as const

const deploys = {
  DEIS_SCHEDULER: choice('process', ['process', 'kubernetes'], 'what runs apps: this machine, or a cluster'),
  DEIS_DEPLOY_TIMEOUT: integer(
    120,
    1,
    86_400,
    'until new processes must be ready; also in the config of an app',
    seconds,
  ),
  KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: integer(
    30,
    0,
    86_400,
    'between TERM and KILL, on one machine too; also in the config of an app',
    seconds,
  ),
  DEIS_DRAIN_SECONDS: integer(30, 0, 3600, 'how long requests may go on that began before a deploy', {
    ...seconds,
    programs: ['controller', 'router'],
  }),
  DEIS_MAX_PROCESSES: integer(100, 1, 10_000, 'processes of one type of an app'),
  DEIS_RUN_TIMEOUT: integer(3600, 1, 604_800, 'for a one-off command', seconds),
  DEIS_SESSION_TIMEOUT: integer(86_400, 1, 604_800, 'for a session (`run -i`, `run -t`, `ps:exec`)', seconds),
  DEIS_PORT_FIRST: integer(10_000, 1024, 65_535, 'first of the ports that processes get on one machine'),
  DEIS_PORT_LAST: integer(29_999, 1024, 65_535, 'last of these ports'),
  DEIS_DEPLOY_PROCFILE_MISSING_REMOVE: flag(true, 'a deploy without a Procfile stops the types of the one before'),
  DEIS_DEPLOY_REJECT_IF_PROCFILE_MISSING: flag(false, 'a deploy without a Procfile is refused after one with it'),
  DEIS_DEPLOY_HOOK_URLS: list([], 'addresses that hear of every release'),
  DEIS_DEPLOY_HOOK_SECRET_KEY: text('', 'signs what they get'),
} as const

const builds = {
  DEIS_BUILD_TIMEOUT: integer(1800, 1, 86_400, 'for a whole build', seconds),
  DEIS_ANY_BRANCH: flag(false, 'a push of any branch deploys, not only of main, master or the branch of the app'),
  DEIS_GIT_SUBMODULES: list([], 'hosts submodules come from over https; `*`: all public ones; `off`: none'),
  GIT_SSL_CAINFO: text('', 'a file with the certificates of authorities for these hosts', {
    usually: 'those of the system',
  }),
  DEIS_MAX_PUSH_MB: integer(2048, 1, 1_000_000, 'the most that one push may send', megabytes),
  DEIS_MAX_SOURCE_FILES: integer(200_000, 1, 10_000_000, 'files in a commit that is deployed'),
  DEIS_MAX_SOURCE_MB: integer(2048, 1, 1_000_000, 'their size together', megabytes),
  DEIS_MAX_SLUG_MB: integer(2048, 1, 1_000_000, 'a built app, compressed', megabytes),
  PATH: text('/usr/local/bin:/usr/bin:/bin', 'where git and, on one machine, toolchains and apps find programs'),
} as const

export const machineSettings = { ...listening, ...state, ...accounts, ...deploys, ...builds } as const

export const machineSections: readonly Section[] = [
  { title: 'Addresses', settings: listening },
  { title: 'State, keys and log', settings: state },
  { title: 'Accounts and names', settings: accounts },
  { title: 'Deploys and processes', settings: deploys },
  { title: 'Pushes and builds', settings: builds },
]
