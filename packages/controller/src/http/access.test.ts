// Does every route admit exactly the users that it should? Generated from the route values, so that none is left out.
import type { Route } from '@deis/types'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { leafCert, leafKey } from '../domain/edge/certs.testing.ts'
import { namedRoutes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

const people = ['nobody', 'stranger', 'collaborator', 'owner', 'admin'] as const
type Person = (typeof people)[number]

/** Who passes a route's rule; the others get 401 without a token and 403 with one. */
const admitted: Record<Route['access'], readonly Person[]> = {
  anyone: people,
  user: ['stranger', 'collaborator', 'owner', 'admin'],
  app: ['collaborator', 'owner', 'admin'],
  'app-owner': ['owner', 'admin'],
  admin: ['admin'],
  builder: [],
}

/**
 * What the admitted get, where it is not the status of success: mostly since the walk asks for what does not exist, so that
 * it changes nothing. A pair is for those who are let in as [others, owner and admin], or by person.
 */
const outcomes: Readonly<Record<string, number | Partial<Record<Person, number>>>> = {
  register: 400,
  login: { nobody: 400, stranger: 400, collaborator: 400, owner: 400, admin: 400 },
  collectDeviceLogin: 400,
  setPassword: 400,
  // Would end the walk: asked for somebody who does not exist.
  regenerateTokens: { stranger: 403, collaborator: 403, owner: 403, admin: 404 },
  cancelAccount: { stranger: 403, collaborator: 403, owner: 403, admin: 404 },
  createApp: 400,
  updateApp: { collaborator: 403, owner: 404, admin: 404 },
  renameApp: 400,
  destroyApp: 204,
  runCommand: 400,
  startOneOff: 400,
  // Nobody asks for an upgrade here.
  openTerminal: 426,
  scaleApp: 400,
  getBuild: 404,
  getBuildLog: 404,
  cancelBuild: 404,
  createBuild: 400,
  addDrain: 400,
  removeDrain: 404,
  testDrain: 404,
  setConfig: 409,
  rollback: 400,
  getRelease: 404,
  addKey: 400,
  getKey: 404,
  removeKey: 404,
  addDomain: 400,
  removeDomain: 404,
  setSettings: 409,
  setTls: 400,
  addToWhitelist: 400,
  removeFromWhitelist: 400,
  addCert: 400,
  // This platform gets none by itself.
  setAutoCerts: 400,
  retryAutoCert: 400,
  // Others' certificates are not there, not even for admins.
  getCert: { stranger: 404, collaborator: 404, owner: 200, admin: 404 },
  removeCert: { stranger: 404, collaborator: 404, owner: 204, admin: 404 },
  attachCert: { stranger: 404, collaborator: 404, owner: 400, admin: 404 },
  attachCertByPath: 404,
  detachCert: 404,
  addCollaborator: 404,
  removeCollaborator: 404,
  addAdmin: 404,
  removeAdmin: 404,
  stopPod: 404,
  getRequest: 404,
  importApp: 415,
  // Nothing was built yet.
  rebaseApp: 422,
  getSbom: 404,
}

/** Bodies that a rule refuses or that change nothing. */
const bodies: Readonly<Record<string, unknown>> = {
  regenerateTokens: { username: 'not-there' },
  cancelAccount: { username: 'not-there' },
  updateApp: { owner: 'not-there' },
  createApp: { id: 'NOT AN ID' },
  renameApp: { id: 'NOT AN ID' },
  addCollaborator: { username: 'not-there' },
  addAdmin: { username: 'not-there' },
  addDomain: { domain: '*' },
  scaleApp: { web: 1 },
}

const places: Readonly<Record<string, string>> = {
  id: 'tea',
  name: 'walk',
  type: 'web',
  uuid: 'not-there',
  version: 'v9',
  username: 'not-there',
  domain: 'not.there.example',
  fingerprint: '00:11',
}

function pathOf(name: string, route: Route): string {
  return route.path.replace(/:([a-z]+)/g, (_, place: string) => {
    if (route.rest) return 'not/there'
    const value = places[place]
    if (value === undefined) throw new Error(`${name} has a place that the walk does not know: ${place}`)
    return value
  })
}

describe('access', () => {
  let f: Fixture
  const tokens: Partial<Record<Person, string>> = {}
  beforeAll(async () => {
    f = await openFixture()
    tokens.admin = await f.user('root')
    tokens.owner = await f.user('ann')
    tokens.collaborator = await f.user('cal')
    tokens.stranger = await f.user('eve')
    await f.call('POST', '/v2/certs/', { name: 'walk', certificate: leafCert, key: leafKey }, tokens.owner)
    await makeApp()
  })
  afterAll(() => f.close())

  const makeApp = async (): Promise<void> => {
    await f.call('POST', '/v2/apps/', { id: 'tea' }, tokens.owner)
    await f.call('POST', '/v2/apps/tea/perms/', { username: 'cal' }, tokens.owner)
  }
  const ask = async (name: string, route: Route, person: Person, slash: boolean): Promise<number> => {
    const path = pathOf(name, route).replace(/(.)\/$/, '$1')
    const { status } = await f.call(
      route.method,
      slash ? `${path}/` : path,
      route.method === 'GET' ? undefined : (bodies[name] ?? ''),
      tokens[person],
    )
    return status
  }
  const wanted = (name: string, route: Route, person: Person): number => {
    if (!admitted[route.access].includes(person)) return person === 'nobody' ? 401 : 403
    const outcome = outcomes[name] ?? route.status
    const status = typeof outcome === 'number' ? outcome : outcome[person]
    if (status === undefined) throw new Error(`${name} does not say what ${person} gets`)
    return status
  }

  // What destroys comes last; each such success is made good before the next asks.
  const last = new Set(['removeCert', 'destroyApp'])
  const walk = Object.entries(namedRoutes).toSorted(
    ([left], [right]) => Number(last.has(left)) - Number(last.has(right)),
  )

  it.each(walk)('%s', async (name, route) => {
    const seen: Record<string, number> = {}
    const expected: Record<string, number> = {}
    for (const person of people) {
      for (const slash of [true, false]) {
        expected[`${person}${slash ? '/' : ''}`] = wanted(name, route, person)
        seen[`${person}${slash ? '/' : ''}`] = await ask(name, route, person, slash)
        if (name === 'destroyApp') await makeApp()
        if (name === 'removeCert')
          await f.call('POST', '/v2/certs/', { name: 'walk', certificate: leafCert, key: leafKey }, tokens.owner)
      }
    }
    expect(seen).toEqual(expected)
  })

  it('says of unknown methods nothing to strangers', async () => {
    for (const [name, route] of Object.entries(namedRoutes)) {
      const path = pathOf(name, route)
      const open = Object.values(namedRoutes)
        .filter((other) => pathOf(name, other) === path)
        .every(({ access }) => access === 'anyone')
      expect([path, (await f.call('PATCH', path)).status]).toEqual([path, open ? 405 : 401])
      expect([path, (await f.call('PATCH', path, '', tokens.stranger)).status]).toEqual([path, 405])
    }
  })

  it('opens what is for builders to their key only', async () => {
    const keys = { 'x-deis-builder-auth': 'b'.repeat(32) }
    for (const [name, route] of Object.entries(namedRoutes)) {
      const { statusCode } = await f.server.inject({
        method: route.method,
        url: pathOf(name, route),
        headers: { 'content-type': 'application/json', ...keys },
      })
      const isOpen = ['anyone', 'builder'].includes(route.access)
      expect([name, [401, 403].includes(statusCode)]).toEqual([name, !isOpen])
      if (route.access !== 'builder') continue
      const wrong = await f.server.inject({
        method: route.method,
        url: pathOf(name, route),
        headers: { 'x-deis-builder-auth': 'r'.repeat(32) },
      })
      expect([name, wrong.statusCode]).toEqual([name, 401])
    }
  })
})
