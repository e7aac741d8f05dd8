// How did a change end whose answer did not come? Ours: the original has nothing like it.
import { type Static, Type } from 'typebox'
import { route, Time, Word } from './route.ts'

/**
 * `running`: the answer is still to come, perhaps from another controller than the one that began.
 * `ended`: `status` and `answer` are what was, or would have been, answered.
 * `interrupted`: its controller went before anything was changed, or in what may be done twice; sent again with the same id it is done.
 * `unclear`: its controller went, and whether it was done cannot be told.
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
  summary: 'How a change ended that was sent with this Deis-Request-Id, for a day; for who sent it, and for admins.',
  params: Type.Object({ id: Word }),
  status: 200,
  response: RequestRecord,
})
