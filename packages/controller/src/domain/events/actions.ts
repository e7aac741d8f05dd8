// What does an entry say about a change of each route? Names, counts and addresses, never a value that may be secret.
import * as types from '@deis/types'
import { isStorableText } from '../apps/storable.ts'

type Input = { readonly params: Readonly<Record<string, string>>; readonly body: unknown }

type Saying = {
  readonly action: string
  /** What it is about. */
  readonly target?: (input: Input) => unknown
  readonly details?: (body: Readonly<Record<string, unknown>>, params: Input['params']) => Record<string, unknown>
}

const longestText = 300
const mostItems = 100

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
}

/** What a client sent, in bounds. */
function bounded(value: unknown): unknown {
  if (typeof value === 'string') return isStorableText(value) ? value.slice(0, longestText) : null
  if (typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.slice(0, mostItems).map(bounded)
  if (typeof value !== 'object' || value === null) return null
  const entries = Object.entries(value).slice(0, mostItems)
  return Object.fromEntries(entries.map(([key, one]) => [String(bounded(key)), bounded(one)]))
}

const names = (map: unknown, isWanted: (value: unknown) => boolean = () => true): string[] =>
  Object.entries(objectOf(map)).flatMap(([name, value]) => (isWanted(value) ? [name] : []))

/** Of config: which names of each part were set or unset. */
function changedNames(body: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const parts = ['values', 'memory', 'cpu', 'tags', 'registry', 'healthcheck']
  return Object.fromEntries(
    parts.flatMap((part) => {
      const set = names(body[part], (value) => value !== null)
      const unset = names(body[part], (value) => value === null)
      const said = { ...(set.length > 0 ? { set } : {}), ...(unset.length > 0 ? { unset } : {}) }
      return Object.keys(said).length > 0 ? [[part, said]] : []
    }),
  )
}

const param =
  (name: string) =>
  ({ params }: Input): unknown =>
    params[name]
const field =
  (name: string) =>
  ({ body }: Input): unknown =>
    objectOf(body)[name]
/** These fields, which have no secrets. */
const fields =
  (...wanted: string[]) =>
  (body: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.fromEntries(wanted.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])))

const sayings = new Map<types.Route, Saying>([
  [types.createApp, { action: 'apps.create', target: field('id') }],
  [types.importApp, { action: 'apps.import' }],
  [types.updateApp, { action: 'apps.transfer', target: field('owner') }],
  [types.renameApp, { action: 'apps.rename', target: field('id') }],
  [types.destroyApp, { action: 'apps.destroy' }],
  // Commands may contain secrets.
  [types.runCommand, { action: 'ps.run' }],
  [types.startOneOff, { action: 'ps.run', details: () => ({ detached: true }) }],
  [types.openTerminal, { action: 'ps.session' }],
  [types.scaleApp, { action: 'ps.scale', details: (body) => ({ ...body }) }],
  [types.restartPods, { action: 'ps.restart' }],
  [types.restartPodsOfType, { action: 'ps.restart', target: param('type') }],
  [types.restartPod, { action: 'ps.restart', target: param('name') }],
  [types.stopPod, { action: 'ps.stop', target: param('name') }],
  [types.setConfig, { action: 'config.set', details: changedNames }],
  [types.createBuild, { action: 'builds.create', target: field('image'), details: fields('sha') }],
  [types.rebaseApp, { action: 'builds.rebase', details: fields('run_image') }],
  [types.cancelBuild, { action: 'builds.cancel', target: param('uuid') }],
  [types.rollback, { action: 'releases.rollback', details: fields('version') }],
  [types.addDomain, { action: 'domains.add', target: field('domain') }],
  [types.removeDomain, { action: 'domains.remove', target: param('domain') }],
  [types.addCert, { action: 'certs.add', target: field('name') }],
  [types.removeCert, { action: 'certs.remove', target: param('name') }],
  [types.attachCert, { action: 'certs.attach', target: param('name'), details: fields('domain') }],
  [types.attachCertByPath, { action: 'certs.attach', target: param('name'), details: (_, { domain }) => ({ domain }) }],
  [types.detachCert, { action: 'certs.detach', target: param('name'), details: (_, { domain }) => ({ domain }) }],
  [types.addDrain, { action: 'drains.add' }],
  [types.removeDrain, { action: 'drains.remove', target: param('uuid') }],
  [types.testDrain, { action: 'drains.test', target: param('uuid') }],
  [types.setSettings, { action: 'settings.set', details: (body) => ({ fields: names(body) }) }],
  [types.addToWhitelist, { action: 'whitelist.add', details: fields('addresses') }],
  [types.removeFromWhitelist, { action: 'whitelist.remove', details: fields('addresses') }],
  [types.setTls, { action: 'tls.set', details: fields('https_enforced', 'hsts') }],
  [types.addKey, { action: 'keys.add', target: field('id') }],
  [types.removeKey, { action: 'keys.remove', target: param('id') }],
  [types.register, { action: 'auth.register', target: field('username') }],
  [types.login, { action: 'auth.login' }],
  [types.collectDeviceLogin, { action: 'auth.login', details: () => ({ browser: true }) }],
  [types.setPassword, { action: 'auth.passwd', target: field('username') }],
  [types.regenerateTokens, { action: 'auth.tokens', target: field('username'), details: fields('all') }],
  [types.cancelAccount, { action: 'auth.cancel', target: field('username') }],
  [types.hookBuild, { action: 'builds.create', target: field('image'), details: fields('receive_user', 'sha') }],
])

/** By the path: `/v2/apps/:id/perms/:username` is about `perms`, and a user. */
function derived({ method, path }: types.Route): Saying {
  const parts = path.split('/').filter((part) => part !== '' && part !== 'v2')
  const words = parts.filter((part) => !part.startsWith(':'))
  const noun = (words[0] === 'apps' && words.length > 1 ? words.slice(1) : words).join('.')
  const last = parts.at(-1) ?? ''
  const named = last.startsWith(':') && !(parts.length === 2 && parts[0] === 'apps') ? last.slice(1) : null
  return {
    action: `${noun}.${method === 'DELETE' ? 'remove' : 'add'}`,
    ...(named === null
      ? { target: (input) => field('username')(input) ?? field('name')(input) }
      : { target: param(named) }),
  }
}

/** A builder that asks for config changes nothing; a stranger who begins a login has not logged in. */
const noChanges: ReadonlySet<types.Route> = new Set<types.Route>([types.hookConfig, types.beginDeviceLogin])

/** Whether the attempt at it is recorded. */
export function isChange(route: types.Route): boolean {
  return (route.method !== 'GET' || route.websocket === true) && !noChanges.has(route)
}

export function sayingOf(route: types.Route): Saying {
  return sayings.get(route) ?? derived(route)
}

export function targetOf(route: types.Route, input: Input): string | null {
  const found = bounded(sayingOf(route).target?.(input))
  return typeof found === 'string' ? found : null
}

export function detailsOf(route: types.Route, { body, params }: Input): Record<string, unknown> {
  return { ...objectOf(bounded(sayingOf(route).details?.(objectOf(body), params) ?? {})) }
}

/** A header of a request, in bounds. */
export function boundedText(text: string | undefined): string | null {
  const found = bounded(text)
  return typeof found === 'string' && found !== '' ? found : null
}
