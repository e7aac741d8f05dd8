// Does the client see of a schema what typebox says?
import { Type } from 'typebox'
import { expect, test } from 'vitest'
import { Type as Outline } from './outline.ts'

const declare = (type: typeof Type) => ({
  list: type.Array(type.Integer()),
  literal: type.Literal('x'),
  nothing: type.Null(),
  page: type.Object({ count: type.Integer(), results: type.Array(type.Object({ id: type.String() })) }),
  map: type.Record(type.String(), type.String()),
  choice: type.Union([type.Boolean(), type.Null()]),
  any: type.Unknown(),
  own: type.Unsafe<string>(type.Object({ a: type.Optional(type.String()) })),
})

test('its outline', () => {
  expect(declare(Type)).toMatchObject(declare(Outline as never))
})
