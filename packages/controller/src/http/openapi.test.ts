// Is the OpenAPI document complete, and the same as what is served?
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { namedRoutes } from './app.ts'
import { type Fixture, openFixture } from './fixture.ts'

type Operation = {
  operationId: string
  summary: string
  security: Record<string, unknown>[]
  parameters?: { name: string; in: string; required: boolean }[]
  requestBody?: { content: Record<string, { schema: { properties: object } }> }
  responses: Record<string, unknown>
}
type Document = {
  openapi: string
  paths: Record<string, Record<string, Operation>>
  components: { securitySchemes: Record<string, unknown> }
}

describe('the OpenAPI document', () => {
  let f: Fixture
  let document: Document
  beforeAll(async () => {
    f = await openFixture()
    const answer = await f.call('GET', '/v2/openapi.json')
    expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringContaining('application/json')])
    document = answer.body as Document
  })
  afterAll(() => f.close())
  const operations = (): [string, string, Operation][] =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string, Operation] => [method, path, operation]),
    )

  it('has every route, by its name, once', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(
      operations()
        .map(([method, path, { operationId }]) => `${operationId} ${method.toUpperCase()} ${path}`)
        .toSorted(),
    ).toEqual(
      Object.entries(namedRoutes)
        .map(([name, { method, path }]) => `${name} ${method} ${path.replace(/:([a-z]+)/g, '{$1}')}`)
        .toSorted(),
    )
    expect(operations().length).toBeGreaterThan(60)
  })

  it('has nothing that is not served', () => {
    for (const [method, path, { operationId }] of operations()) {
      const written = path.replace(/\{([a-z]+)\}/g, ':$1').replace(/(.)\/$/, '$1')
      const url = namedRoutes[operationId]?.rest ? written.replace(/:[a-z]+$/, '*') : written
      expect([method, url, f.server.hasRoute({ method: method.toUpperCase() as 'GET', url })]).toEqual([
        method,
        url,
        true,
      ])
    }
  })

  it('names every part of a path, who may ask, what to send and what comes', () => {
    for (const [method, path, operation] of operations()) {
      const places = [...path.matchAll(/\{([a-z]+)\}/g)].map(([, name = '']) => name)
      const named = (operation.parameters ?? []).filter((one) => one.in === 'path').map(({ name }) => name)
      expect(named.toSorted(), path).toEqual(places.toSorted())
      expect(operation.summary, path).toMatch(/\.$/)
      for (const scheme of operation.security.flatMap((one) => Object.keys(one)))
        expect(document.components.securitySchemes).toHaveProperty(scheme)
      expect(Object.keys(operation.responses)).toHaveLength(2)
      if (method === 'get') expect(operation.requestBody, path).toBeUndefined()
    }
    expect(document.paths['/v2/apps/{id}/tls/']?.post?.requestBody?.content['application/json']?.schema).toMatchObject({
      properties: { https_enforced: {} },
    })
  })
})
