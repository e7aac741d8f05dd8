// What does each endpoint answer when it does what it is asked (docs/contract/api.md §2, docs/contract/cli.md §4.4)?
import type { Shape } from './goclient.ts'

type Success = readonly [method: string, path: string, status: number, shape: Shape | 'none' | 'text']

/** Paths have `:x` where they vary. */
const successes: readonly Success[] = [
  ['GET', '/v2/', 200, 'Platform'],
  ['GET', '/healthz', 200, 'text'],
  ['HEAD', '/healthz', 200, 'none'],
  ['GET', '/readiness', 200, 'text'],
  ['HEAD', '/readiness', 200, 'none'],
  ['POST', '/v2/auth/register/', 201, 'User'],
  ['POST', '/v2/auth/login/', 200, 'Token'],
  ['GET', '/v2/auth/whoami/', 200, 'User'],
  ['POST', '/v2/auth/passwd/', 200, 'PasswordSet'],
  ['POST', '/v2/auth/tokens/', 200, 'Token'],
  ['DELETE', '/v2/auth/cancel/', 204, 'none'],
  ['GET', '/v2/users/', 200, 'page of User'],
  ['GET', '/v2/admin/perms/', 200, 'page of Admin'],
  ['POST', '/v2/admin/perms/', 201, 'none'],
  ['DELETE', '/v2/admin/perms/:user', 204, 'none'],
  ['GET', '/v2/apps/', 200, 'page of App'],
  ['POST', '/v2/apps/', 201, 'App'],
  ['GET', '/v2/apps/:app/', 200, 'App'],
  ['POST', '/v2/apps/:app/', 200, 'none'],
  ['DELETE', '/v2/apps/:app/', 204, 'none'],
  ['GET', '/v2/apps/:app/logs', 200, 'text'],
  ['GET', '/v2/apps/:app/logs', 204, 'none'],
  ['POST', '/v2/apps/:app/run', 200, 'AppRun'],
  ['POST', '/v2/apps/:app/scale/', 204, 'none'],
  ['POST', '/v2/apps/:app/pods/restart/', 200, 'list of Pod'],
  ['POST', '/v2/apps/:app/pods/:type/restart/', 200, 'list of Pod'],
  ['POST', '/v2/apps/:app/pods/:type/:name/restart/', 200, 'list of Pod'],
  ['GET', '/v2/apps/:app/pods/', 200, 'page of Pod'],
  ['GET', '/v2/apps/:app/pods/:type/', 200, 'page of Pod'],
  ['GET', '/v2/apps/:app/pods/:type/:name/', 200, 'page of Pod'],
  ['GET', '/v2/apps/:app/config/', 200, 'Config'],
  ['POST', '/v2/apps/:app/config/', 201, 'Config'],
  ['GET', '/v2/apps/:app/builds/', 200, 'page of Build'],
  ['POST', '/v2/apps/:app/builds/', 201, 'Build'],
  ['GET', '/v2/apps/:app/builds/:uuid/', 200, 'Build'],
  ['POST', '/v2/apps/:app/releases/rollback/', 201, 'Version'],
  ['GET', '/v2/apps/:app/releases/', 200, 'page of Release'],
  ['GET', '/v2/apps/:app/releases/:version/', 200, 'Release'],
  ['GET', '/v2/apps/:app/domains/', 200, 'page of Domain'],
  ['POST', '/v2/apps/:app/domains/', 201, 'Domain'],
  ['DELETE', '/v2/apps/:app/domains/:domain', 204, 'none'],
  ['GET', '/v2/apps/:app/settings/', 200, 'AppSettings'],
  ['POST', '/v2/apps/:app/settings/', 201, 'AppSettings'],
  ['GET', '/v2/apps/:app/whitelist/', 200, 'Whitelist'],
  ['POST', '/v2/apps/:app/whitelist/', 201, 'Whitelist'],
  ['DELETE', '/v2/apps/:app/whitelist/', 204, 'none'],
  ['GET', '/v2/apps/:app/tls/', 200, 'Tls'],
  ['POST', '/v2/apps/:app/tls/', 201, 'Tls'],
  ['GET', '/v2/apps/:app/perms/', 200, 'Perms'],
  ['POST', '/v2/apps/:app/perms/', 201, 'none'],
  ['DELETE', '/v2/apps/:app/perms/:user', 204, 'none'],
  ['GET', '/v2/certs/', 200, 'page of Cert'],
  ['POST', '/v2/certs/', 201, 'Cert'],
  ['GET', '/v2/certs/:name', 200, 'Cert'],
  ['DELETE', '/v2/certs/:name', 204, 'none'],
  ['POST', '/v2/certs/:name/domain/', 201, 'none'],
  ['POST', '/v2/certs/:name/domain/:domain', 201, 'none'],
  ['DELETE', '/v2/certs/:name/domain/:domain', 204, 'none'],
  ['GET', '/v2/keys/', 200, 'page of Key'],
  ['POST', '/v2/keys/', 201, 'Key'],
  ['GET', '/v2/keys/:id', 200, 'Key'],
  ['DELETE', '/v2/keys/:id', 204, 'none'],
  ['GET', '/v2/hooks/key/:fingerprint', 200, 'HookKey'],
  ['GET', '/v2/hooks/keys/:app', 200, 'HookKeys'],
  ['GET', '/v2/hooks/keys/:app/:user', 200, 'HookKeys'],
  ['POST', '/v2/hooks/build/', 200, 'HookRelease'],
  ['POST', '/v2/hooks/config/', 200, 'Config'],
]

/** The ids of keys may have slashes in them. */
function matches(pattern: string, path: string): boolean {
  const source = pattern.replace(/\/$/, '').replace(/:(\w+)/g, (_, name: string) => (name === 'id' ? '.+' : '[^/]+'))
  return new RegExp(`^/?${source}/?$`).test(path)
}

/** The body of this success; undefined when the contract has no such success. */
export function shapeOf(method: string, path: string, status: number): Success[3] | undefined {
  // What is written out comes before what stands in the place of a parameter.
  const first = successes.find((one) => one[0] === method && matches(one[1], path))
  return successes.find((one) => one[0] === method && one[1] === first?.[1] && one[2] === status)?.[3]
}

/** Path patterns of the contract with the methods that each has; what is about the server's own health is not among them. */
export const pathsOfContract: ReadonlyMap<string, readonly string[]> = successes.reduce((all, [method, path]) => {
  if (path.startsWith('/v2/')) all.set(path, [...new Set([...(all.get(path) ?? []), method])])
  return all
}, new Map<string, string[]>())
