// What did the app and the controller say lately (docs/contract/api.md §2.3, §4.14)?
import { Type } from 'typebox'
import { AppParams, route, Word } from './route.ts'

/** Of an answer that goes on (`follow=1`): controllers that cannot do that, as the original, do not send it. */
export const followHeader = 'deis-follow'

/**
 * Text: `<time> app[web.v3.x2x4z]: line` and `<time> deis[controller]: INFO line`, each ended by a newline; 204 when there is none.
 * `follow=1` (ours): 200 in any case, and the answer goes on with every later line, also of later releases, until the client
 * goes away or the app is destroyed; it also ends with the controller, and where the token or the right to the app ended.
 * At most 100 of a user at once (429). After 25 s without a line there is an empty one, which tells nothing but keeps the
 * connection alive.
 * `type=web` (ours): only lines of that process type.
 */
export const getLogs = route({
  method: 'GET',
  path: '/v2/apps/:id/logs',
  access: 'app',
  summary: 'The last lines of the app and of what the controller did for it.',
  params: AppParams,
  query: Type.Object({
    log_lines: Type.Optional(Word),
    follow: Type.Optional(Word),
    type: Type.Optional(Word),
  }),
  status: 200,
  response: Type.String(),
})

export const defaultLogLines = 100
