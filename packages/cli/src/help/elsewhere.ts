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
const rename =
  'An app cannot be renamed, because its name is in its address, its git remote and its processes. Create another app, push to it, and destroy the old one.'

/** By command; a topic stands for all of its commands that are not listed. */
const elsewhere: Readonly<Record<string, Meant>> = {
  '2fa': say('There is no second factor. deis auth:passwd changes your password.'),
  access: use('perms:list'),
  'access:add': use('perms:create'),
  'access:remove': use('perms:delete'),
  addons: say(service),
  'apps:delete': use('apps:destroy'),
  'apps:lock': use('perms:list'),
  'apps:rename': say(rename),
  'auth:token': say('The token is in ~/.deis/client.json. deis auth:regenerate replaces it.'),
  authorizations: use('auth:regenerate'),
  'buildpacks:add': use('buildpacks:set'),
  'buildpacks:clear': use('buildpacks:unset'),
  'buildpacks:remove': use('buildpacks:unset'),
  checks: use('healthchecks:list'),
  ci: say(pipeline),
  clone: say('git clones an app: git clone URL, with the URL that deis git:remote adds.'),
  'config:add': use('config:set'),
  'config:remove': use('config:unset'),
  'config:show': use('config:list'),
  container: use('builds:create'),
  delete: use('apps:destroy'),
  deploy: use('builds:create'),
  'domains:clear': use('domains:remove'),
  dyno: use('ps:list'),
  'dyno:kill': use('ps:stop'),
  'dyno:resize': use('limits:set'),
  'dyno:restart': use('ps:restart'),
  'dyno:scale': use('ps:scale'),
  'dyno:stop': use('ps:stop'),
  dynos: use('ps:list'),
  env: use('config:list'),
  'env:set': use('config:set'),
  features: use('doctor'),
  'git:clone': say('git clones an app: git clone URL, with the URL that deis git:remote adds.'),
  'keys:clear': use('keys:remove'),
  kill: use('ps:stop'),
  labs: use('doctor'),
  list: use('apps:list'),
  local: say('Run the app with its own tools: its Procfile has the commands, and deis config:pull writes .env.'),
  'maintenance:disable': use('maintenance:off'),
  'maintenance:enable': use('maintenance:on'),
  members: say(team),
  orgs: say(team),
  pg: say(`${service} ${client}`),
  pipelines: say(pipeline),
  plugins: say('A plugin is a program deis-NAME on your PATH, which deis NAME runs.'),
  proxy: say('A process cannot be reached from here. deis exec opens a shell in it.'),
  'ps:autoscale': use('autoscale:set'),
  'ps:autoscale:disable': use('autoscale:unset'),
  'ps:kill': use('ps:stop'),
  'ps:rebuild': use('builds:create'),
  'ps:resize': use('limits:set'),
  'ps:type': use('limits:set'),
  psql: say(client),
  redis: say(`${service} ${client}`),
  'releases:output': use('releases:info'),
  rename: say(rename),
  restart: use('ps:restart'),
  reviewapps: say(pipeline),
  'run:inside': use('ps:exec'),
  secrets: use('config:list'),
  'secrets:set': use('config:set'),
  services: say(service),
  ssh: use('ps:exec'),
  ssl: use('certs:list'),
  stack: use('builder:info'),
  status: use('doctor'),
  stop: use('ps:stop'),
  teams: say(team),
  update: say('To upgrade the client, run the line that installed it again: curl -fsSL URL/install.sh | sh'),
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
