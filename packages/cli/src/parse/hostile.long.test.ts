// Can a malicious controller send control sequences to the terminal through any command?
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as types from '@deis/types'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deis, homeOf, repository } from '../testbed.ts'

const evil =
  '\u001b]0;title\u0007\u001b[2J\u009b1;1Hx\u009d52;c;eA==\u009cy\u001bcz\b\b\u202eabc\rover\u001bPq\u001b\\\u0085\u0007\u007f'
/** A colour, and its reset. */
const colour = `\u001b[31m${evil}`

// oxlint-disable-next-line no-control-regex -- they are what this looks for
const special = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/

/** The text without colours and the spinner. */
function harm(shown: string): string | null {
  // oxlint-disable-next-line no-control-regex -- they are what this looks for
  const rest = shown.replaceAll(/\u001b\[[\d;:]*m/g, '').replaceAll(/[.o]{3}(?:\u0008{3}[.o ]{3})*\u0008{3}/g, '')
  return special.test(rest) ? JSON.stringify(rest) : null
}

type Schema = {
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Schema[]
  readonly items?: Schema
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly patternProperties?: Readonly<Record<string, Schema>>
}

/** A value of this schema, with control sequences in every text. */
function valueOf(schema: Schema): unknown {
  if (schema.const !== undefined) return schema.const
  if (schema.anyOf) return valueOf(schema.anyOf[0] ?? {})
  switch (schema.type) {
    case 'integer':
    case 'number':
      return 1
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      return [valueOf(schema.items ?? {})]
    case 'object': {
      const known = Object.entries(schema.properties ?? {}).map(([key, value]) => [key, valueOf(value)])
      const others = Object.values(schema.patternProperties ?? {}).map((value) => [`key${evil}`, valueOf(value)])
      return Object.fromEntries([...known, ...others]) as unknown
    }
    default:
      // Times are read, and what cannot be read is shown.
      return colour
  }
}

function isRoute(value: unknown): value is types.Route {
  return typeof value === 'object' && value !== null && 'access' in value && 'path' in value
}
const everything: readonly unknown[] = Object.values(types)
const routes = everything.filter(isRoute)

function routeOf(method: string, path: string): types.Route | undefined {
  const fits = (route: types.Route): boolean =>
    route.method === method &&
    new RegExp(`^${route.path.replaceAll(/:[a-z]+/g, '[^/]+').replace(/\/$/, '')}/?$`).test(path)
  return routes.find((route) => fits(route) && !route.path.includes(':')) ?? routes.find(fits)
}

let url = ''
let refuses = false
const server = createServer((request, response) => {
  request.resume()
  const path = (request.url ?? '').split('?')[0] ?? ''
  const route = routeOf(request.method ?? '', path)
  if (!route) return void response.writeHead(418).end(evil)
  response.setHeader('DEIS_API_VERSION', '2.9')
  if (path === '/v2/' && !request.headers.authorization) return void response.writeHead(401).end('{}')
  if (refuses) return void response.writeHead(409).end(JSON.stringify({ detail: colour, [`f${evil}`]: [evil] }))
  const schema = route.response as Schema
  if (route.path === '/v2/') {
    response.end(JSON.stringify({ git: 'ssh://git@localhost:2222', domain: evil }))
    return
  }
  response.writeHead(route.status)
  response.end(schema.type === 'string' ? `${colour}\nsecond ${evil}` : JSON.stringify(valueOf(schema)))
})
beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const app = ['-a', 'foo']
/** As much of an archive as the client looks at. */
const archiveStart = Buffer.alloc(1024)
archiveStart.write('manifest.json')
/** Arguments with which each command succeeds. */
const commands: Readonly<Record<string, readonly (readonly string[])[]>> = {
  'apps:create': [[], ['foo', '--no-remote', '-b', 'x']],
  'apps:list': [[]],
  'apps:info': [app],
  'apps:open': [app, ['--platform']],
  'apps:logs': [app],
  'apps:run': [[...app, 'ls']],
  'apps:destroy': [[...app, '--confirm=foo']],
  'apps:rename': [[...app, 'bar']],
  'apps:transfer': [[...app, 'eve']],
  'apps:export': [app],
  'apps:import': [['archive']],
  'auth:register': [['URL', '--username=a', '--password=b', '--email=c']],
  'auth:login': [
    ['URL', '--username=a', '--password=b'],
    ['URL', '--browser'],
  ],
  'auth:logout': [[]],
  'auth:passwd': [['--password=a', '--new-password=b']],
  'auth:whoami': [[], ['--all']],
  'auth:cancel': [['--username=a', '--password=b', '--yes']],
  'auth:regenerate': [[], ['-u', 'x'], ['--all']],
  'autoscale:list': [app],
  'autoscale:set': [[...app, 'web', '--min=1', '--max=2', '--cpu-percent=3']],
  'autoscale:unset': [[...app, 'web']],
  'builder:info': [app],
  'builder:set': [[...app, 'heroku/builder:24']],
  'builder:unset': [app],
  'buildpacks:list': [app],
  'buildpacks:set': [[...app, 'heroku/nodejs']],
  'buildpacks:unset': [app],
  'builds:list': [app, [...app, '--all']],
  'builds:create': [[...app, 'x:1']],
  'builds:info': [app],
  'builds:sbom': [[...app, 'x'], app],
  'builds:logs': [app],
  'builds:cancel': [[...app, 'x']],
  'certs:list': [[]],
  'certs:add': [['x', 'cert', 'key']],
  'certs:remove': [['x']],
  'certs:info': [['x']],
  'certs:attach': [['x', 'y']],
  'certs:detach': [['x', 'y']],
  'certs:auto': [app, [...app, 'on']],
  'certs:auto:retry': [['x']],
  completion: [['bash']],
  'config:list': [app, [...app, '--oneline'], [...app, '--diff']],
  'config:get': [[...app, 'A']],
  'config:edit': [app],
  'config:set': [[...app, 'A=b']],
  'config:unset': [[...app, 'A']],
  'config:pull': [app, [...app, '-i', '-o']],
  'config:push': [[...app, '-p', '.env']],
  doctor: [[]],
  'domains:list': [app],
  'domains:add': [[...app, 'x']],
  'domains:remove': [[...app, 'x']],
  'git:credentials': [['get']],
  'git:remote': [app, [...app, '--https']],
  'git:remove': [app],
  'drains:list': [app],
  'drains:add': [[...app, 'syslog://x']],
  'drains:remove': [[...app, 'x']],
  'drains:test': [[...app, 'x']],
  'events:list': [app, ['--all'], [...app, '--ndjson']],
  'healthchecks:list': [app],
  'healthchecks:set': [[...app, 'liveness', 'tcpSocket', '80']],
  'healthchecks:unset': [[...app, 'liveness']],
  'keys:list': [[]],
  'keys:add': [['key.pub']],
  'keys:remove': [['x']],
  'labels:list': [app],
  'labels:set': [[...app, 'a=b']],
  'labels:unset': [[...app, 'a']],
  'limits:list': [app],
  'limits:set': [[...app, 'web=1M']],
  'limits:unset': [[...app, 'web']],
  'maintenance:info': [app],
  'maintenance:on': [app],
  'maintenance:off': [app],
  'perms:list': [app, ['--admin']],
  'perms:create': [[...app, 'eve']],
  'perms:delete': [[...app, 'eve']],
  'ps:list': [app],
  'ps:scale': [[...app, 'web=1']],
  'ps:restart': [app, [...app, 'foo-web-1']],
  'ps:stop': [[...app, 'foo-run-1']],
  'ps:start': [[...app, 'ls']],
  'ps:exec': [[...app, 'web', 'ls']],
  rebase: [app],
  'registry:list': [app],
  'registry:set': [[...app, 'username=a']],
  'registry:unset': [[...app, 'username']],
  'releases:list': [app],
  'releases:info': [[...app, 'v1']],
  'releases:rollback': [app],
  'routing:info': [app],
  'routing:enable': [app],
  'routing:disable': [app],
  'shortcuts:list': [[]],
  'tags:list': [app],
  'tags:set': [[...app, 'a=b']],
  'tags:unset': [[...app, 'a']],
  'tls:info': [app],
  'tls:enable': [app],
  'tls:disable': [app],
  'tls:hsts': [
    [...app, '--max-age=3600'],
    [...app, '--max-age=off'],
  ],
  'users:list': [[]],
  version: [['--all']],
  'whitelist:list': [app],
  'whitelist:add': [[...app, '10.0.0.1']],
  'whitelist:remove': [[...app, '10.0.0.1']],
}

async function output(command: string, words: readonly string[], more: readonly string[] = []) {
  const cwd = repository()
  writeFileSync(join(cwd, '.env'), 'A=1\n')
  writeFileSync(join(cwd, 'cert'), 'x')
  writeFileSync(join(cwd, 'key'), 'x')
  writeFileSync(join(cwd, 'archive'), archiveStart)
  writeFileSync(join(cwd, 'key.pub'), 'ssh-ed25519 AAAA someone')
  const asked = [command, ...words.map((word) => (word === 'URL' ? url : word)), ...more]
  const answers = Array.from({ length: 9 }, () => false)
  // It deletes everything, so that all is shown as removed.
  const env = { EDITOR: 'truncate -s 0' }
  const world = { stdoutIsTty: true, stderrIsTty: true, stdoutIsDevice: true, answers, env }
  return deis(asked, { home: homeOf({ url }), cwd, ...world })
}

const cases = Object.entries(commands).flatMap(([command, all]) => all.map((words) => [command, words] as const))

test('every command is tried', async () => {
  const { stdout } = await deis(['completion', 'bash'])
  const named = new Set(stdout.match(/\b[a-z]+:[a-z]+\b/g))
  const shortcuts = new Set(['run:detached', 'sharing:add', 'sharing:list', 'sharing:remove'])
  const untried = [...named].filter((name) => !Object.hasOwn(commands, name) && !shortcuts.has(name))
  expect(untried).toEqual([])
})

describe.each(['what it answers', 'what it refuses'])('%s', (which) => {
  test.each(cases)('%s %j', async (command, words) => {
    refuses = which === 'what it refuses'
    const { stdout, stderr, asked } = await output(command, words)
    expect({ stdout: harm(stdout), stderr: harm(stderr), asked: harm(asked.join('\n')) }).toEqual({
      stdout: null,
      stderr: null,
      asked: null,
    })
  })
})

test('as JSON it is escaped', async () => {
  refuses = false
  const { stdout } = await output('config:list', app, ['--json'])
  expect(harm(stdout)).toBe(null)
  expect(Object.values(JSON.parse(stdout) as object)).toContain(colour)
})

test('--raw, files and pipes get every byte; each coloured line is reset at its end', async () => {
  refuses = false
  const text = `${colour}\nsecond ${evil}`
  expect((await output('builds:logs', [...app, 'x'], ['--raw'])).stdout).toBe(text)
  expect((await deis(['builds:logs', ...app, 'x'], { home: homeOf({ url }) })).stdout).toBe(text)
  expect((await output('builds:logs', [...app, 'x'])).stdout).toBe(
    '\u001b[31mxyzabc\u001b[0m\nover\nsecond xyzabc\nover',
  )
})
