// Where does a program find the OpenAPI document of this contract?
import { Type } from 'typebox'
import { route } from './route.ts'

export const getOpenapi = route({
  method: 'GET',
  path: '/v2/openapi.json',
  access: 'anyone',
  summary: 'Show this document.',
  status: 200,
  response: Type.Unsafe<Record<string, unknown>>({}),
})
