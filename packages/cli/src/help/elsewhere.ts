// What is meant by a command that other platforms have and this one does not?

/** `use`: the command that does it here. `say`: there is none, and why or what else. */
type Meant = { readonly use: string } | { readonly say: string }

const use = (command: string): Meant => ({ use: command })
const say = (text: string): Meant => ({ say: text })

const service =
  'Databases and other services are not part of the platform. Set their address with deis config:set, such as DATABASE_URL=…'
const client =
  'Run its own client in a process of the app, with the address of its config, such as: deis run -it \'psql "$DATABASE_URL"\''
const pipeline = 'There are no pipelines. Deploy a build to each app with git push, or an image with deis pull.'
const team = 'There are no teams. deis perms:create lets another user use an app.'
const tunnel = 'A port of a process cannot be forwarded. deis exec opens a shell in it, and deis run -i passes a pipe.'
const copy = 'deis exec copies files: deis exec web -- cat FILE > FILE'
const hook = 'The platform calls URLs after each deploy, if its operator sets DEIS_DEPLOY_HOOK_URLS.'
const fields = 'deis domains lists the domains of an app. Each serves as soon as its DNS leads here.'
const here = 'Apps run where the platform runs. deis tags:set chooses among the machines of a cluster.'
const cache = 'To build once without the cache: git push -o no-cache deis master'
const port = 'An app listens on $PORT, and is reached at the addresses that deis info shows.'

/** By command; a topic stands for all of its commands that are not listed. */
const elsewhere: Readonly<Record<string, Meant>> = {
  '2fa': say('There is no second factor. deis auth:passwd changes your password.'),
  access: use('perms:list'),
  'access:add': use('perms:create'),
  'access:remove': use('perms:delete'),
  accounts: say('A profile is an account: deis login -c NAME, and then -c NAME with each command.'),
  addons: say(service),
  'apps:clone': use('apps:export'),
  'apps:delete': use('apps:destroy'),
  'apps:errors': use('apps:logs'),
  'apps:exists': use('apps:info'),
  'apps:favorites': use('apps:list'),
  'apps:join': use('perms:create'),
  'apps:leave': use('perms:delete'),
  'apps:lock': use('perms:list'),
  'apps:report': use('apps:info'),
  'apps:stacks': use('builder:info'),
  'auth:token': say('The token is in ~/.deis/client.json. deis auth:regenerate replaces it.'),
  authorizations: use('auth:regenerate'),
  autocomplete: use('completion'),
  build: use('builds:list'),
  'buildpacks:add': use('buildpacks:set'),
  'buildpacks:clear': use('buildpacks:unset'),
  'buildpacks:info': use('builds:info'),
  'buildpacks:remove': use('buildpacks:unset'),
  'buildpacks:search': use('buildpacks:list'),
  'buildpacks:versions': use('buildpacks:list'),
  'builds:cache': say(cache),
  'builds:output': use('builds:logs'),
  cache: say(cache),
  'certs:auto:disable': use('certs:auto'),
  'certs:auto:enable': use('certs:auto'),
  'certs:auto:refresh': use('certs:auto'),
  'certs:chain': use('certs:add'),
  'certs:generate': say('openssl makes a key and a request. deis certs:add takes the certificate and its key.'),
  'certs:key': use('certs:add'),
  'certs:update': use('certs:add'),
  checks: use('healthchecks:list'),
  ci: say(pipeline),
  clients: use('auth:regenerate'),
  clone: say('git clones an app: git clone URL, with the URL that deis git:remote adds.'),
  commands: say('deis help lists the commands.'),
  'config:add': use('config:set'),
  'config:bundle': use('config:pull'),
  'config:clear': use('config:unset'),
  'config:export': use('config:pull'),
  'config:keys': use('config:list'),
  'config:remove': use('config:unset'),
  'config:show': use('config:list'),
  container: use('builds:create'),
  cron: say('There is no scheduler. Let cron of another machine call deis ps:start, or run one as a process type.'),
  data: say(service),
  delete: use('apps:destroy'),
  deploy: use('builds:create'),
  dns: say(fields),
  domain: use('domains:list'),
  'domains:clear': use('domains:remove'),
  'domains:info': say(fields),
  'domains:update': use('certs:attach'),
  'domains:wait': say(fields),
  down: use('ps:scale'),
  dyno: use('ps:list'),
  'dyno:kill': use('ps:stop'),
  'dyno:resize': use('limits:set'),
  'dyno:restart': use('ps:restart'),
  'dyno:scale': use('ps:scale'),
  'dyno:stop': use('ps:stop'),
  dynos: use('ps:list'),
  enter: use('ps:exec'),
  env: use('config:list'),
  'env:set': use('config:set'),
  features: use('doctor'),
  'git:clone': say('git clones an app: git clone URL, with the URL that deis git:remote adds.'),
  'git:from-image': use('builds:create'),
  join: use('perms:create'),
  'keys:clear': use('keys:remove'),
  kill: use('ps:stop'),
  labs: use('doctor'),
  launch: use('apps:create'),
  leave: use('perms:delete'),
  letsencrypt: use('certs:auto'),
  list: use('apps:list'),
  local: say('Run the app with its own tools: its Procfile has the commands, and deis config:pull writes .env.'),
  'logs:failed': use('builds:logs'),
  'logs:set': use('drains:add'),
  'maintenance:disable': use('maintenance:off'),
  'maintenance:enable': use('maintenance:on'),
  'maintenance:status': use('maintenance:info'),
  members: say(team),
  metrics: use('ps:list'),
  mysql: say(service),
  network: use('routing:info'),
  notifications: say(hook),
  orgs: say(team),
  pg: say(`${service} ${client}`),
  pipelines: say(pipeline),
  plugins: say('A plugin is a program deis-NAME on your PATH, which deis NAME runs.'),
  ports: say(port),
  postgres: say(service),
  proxy: say('A process cannot be reached from here. deis exec opens a shell in it.'),
  'ps:autoscale': use('autoscale:set'),
  'ps:autoscale:disable': use('autoscale:unset'),
  'ps:copy': say(copy),
  'ps:forward': say(tunnel),
  'ps:inspect': use('ps:list'),
  'ps:kill': use('ps:stop'),
  'ps:rebuild': use('builds:create'),
  'ps:report': use('ps:list'),
  'ps:resize': use('limits:set'),
  'ps:socks': say(tunnel),
  'ps:type': use('limits:set'),
  'ps:wait': use('ps:list'),
  psql: say(client),
  redis: say(`${service} ${client}`),
  regions: say(here),
  'registry:login': use('registry:set'),
  'releases:output': use('releases:info'),
  'releases:retry': use('releases:rollback'),
  'repo:purge-cache': say(cache),
  resource: use('limits:set'),
  restart: use('ps:restart'),
  review: say(pipeline),
  reviewapps: say(pipeline),
  'run:inside': use('ps:exec'),
  scheduler: say('Run a scheduler as a process type, or let another machine call deis ps:start.'),
  secrets: use('config:list'),
  'secrets:set': use('config:set'),
  services: say(service),
  sessions: use('auth:logout'),
  shell: use('ps:exec'),
  spaces: say(here),
  ssh: use('ps:exec'),
  'ssh-keys': use('keys:list'),
  ssl: use('certs:list'),
  stack: use('builder:info'),
  status: use('doctor'),
  stop: use('ps:stop'),
  storage: say(
    'Files of a process are gone with it. Keep them in a database or object storage, and its address in the config.',
  ),
  tail: use('apps:logs'),
  team: say(team),
  teams: say(team),
  telemetry: use('drains:add'),
  up: use('builds:create'),
  update: say('To upgrade the client, run the line that installed it again: curl -fsSL URL/install.sh | sh'),
  url: use('apps:info'),
  urls: use('apps:info'),
  usage: use('ps:list'),
  webhooks: say(hook),
  which: say('deis shortcuts lists which command a short name runs.'),
}

/** @public Those that are known, for a test. */
export const elsewhereWords: readonly (readonly [word: string, meant: Meant])[] = Object.entries(elsewhere)

/** `Did you mean …` or one line; null for a command that is not known elsewhere either. */
export function meantBy(command: string): string | null {
  for (let word = command; word !== ''; word = word.slice(0, Math.max(word.lastIndexOf(':'), 0))) {
    const meant = Object.hasOwn(elsewhere, word) ? elsewhere[word] : undefined
    if (meant) return 'use' in meant ? `(Did you mean ${meant.use}?)` : meant.say
  }
  return null
}

/** Options of the same commands, by their name elsewhere. */
const options: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'apps:logs': {
    '--tail': '--follow',
    '--num': '--lines',
    '--dyno': '--ptype',
    '--ps': '--ptype',
    '--process-type': '--ptype',
  },
  'apps:run': { '--detach': 'deis ps:start', '--detached': 'deis ps:start', '--size': 'deis limits:set run=…' },
  'builds:logs': { '--tail': '--follow' },
  'apps:create': { '--buildpacks': '--buildpack', '--stack': 'deis builder:set' },
}

/** What to use in place of an option that this command does not have. */
export function optionMeantBy(command: string, words: readonly string[]): string | null {
  const known = options[command] ?? {}
  const found = words.map((word) => word.split('=', 1)[0] ?? '').find((word) => Object.hasOwn(known, word))
  return found === undefined ? null : `(Did you mean ${known[found]}?)`
}
