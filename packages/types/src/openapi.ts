// Where does a program find this contract in a form of its own?
import { Type } from 'typebox'
import { route } from './route.ts'

export const getOpenapi = route({
  method: 'GET',
  path: '/v2/openapi.json',
  access: 'anyone',
  summary: 'This document.',
  status: 200,
  response: Type.Unsafe<Record<string, unknown>>({}),
})
