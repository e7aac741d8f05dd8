// Can every schema of the contract be compiled? Servers find out only when somebody asks.
import { expect, it } from 'vitest'
import { namedRoutes } from './app.ts'
import { compilersFactory } from './compilers.ts'

const validator = compilersFactory.buildValidator({}, { customOptions: { strict: false } })
const serializer = compilersFactory.buildSerializer({}, {})

it.each(Object.entries(namedRoutes))(
  '%s can be asked and answered',
  (_, { method, path, params, query, body, response }) => {
    for (const schema of [params, query, body]) {
      if (!schema) continue
      const validate = validator({ schema, method, url: path })
      expect(() => validate('not an object')).not.toThrow()
      expect([validate('not an object'), validate.errors]).toEqual([
        false,
        [expect.objectContaining({ keyword: 'type' })],
      ])
    }
    // Of others Fastify makes JSON without their schemas.
    if (!['object', 'array'].includes((response as { readonly type?: string }).type ?? '')) return
    const serialize = serializer({ schema: response, method, url: path, httpStatus: '200' })
    try {
      serialize(undefined)
    } catch (error) {
      // The value is refused, not the schema.
      expect(String(error)).toMatch(/undefined|null|does not match schema/)
    }
  },
)
