// How does a client learn the result of a change when the connection was lost? Ours.
import { type Static, Type } from 'typebox'
import { route, Time, Word } from './route.ts'

/**
 * `running`: not ended yet; another controller than the first may be doing it.
 * `ended`: `status` and `answer` are those of the response, whether or not it arrived.
 * `interrupted`: the controller stopped before anything was changed, or in a change that can be repeated; send it again with
 * the same id.
 * `unclear`: the controller stopped, and it is not known whether the change was done.
 */
const RequestState = Type.Union([
  Type.Literal('running'),
  Type.Literal('ended'),
  Type.Literal('interrupted'),
  Type.Literal('unclear'),
])

export const RequestRecord = Type.Object({
  id: Type.String(),
  method: Type.String(),
  path: Type.String(),
  created: Time,
  state: RequestState,
  /** The release it made, such as `v7`. */
  release: Type.Union([Type.String(), Type.Null()]),
  status: Type.Union([Type.Integer(), Type.Null()]),
  /** The body, as text. */
  answer: Type.Union([Type.String(), Type.Null()]),
})
export type RequestRecord = Static<typeof RequestRecord>

export const getRequest = route({
  method: 'GET',
  path: '/v2/requests/:id/',
  access: 'user',
  summary: 'Show the result of the change with this Deis-Request-Id, for a day; for its sender and admins only.',
  params: Type.Object({ id: Word }),
  status: 200,
  response: RequestRecord,
})
