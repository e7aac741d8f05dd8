// What did the app and the controller say lately (contract/api.md §2.3, §4.14)?
import { Type } from 'typebox'
import { AppParams, route } from './route.ts'

/**
 * Text: `<time> app[web.v3.x2x4z]: line` and `<time> deis[controller]: INFO line`, each ended by a newline; 204 when there is none.
 * `follow=1` (ours): 200 in any case, and the answer goes on with every later line, also of later releases, until the client
 * goes away. `type=web` (ours): only lines of that process type.
 */
export const getLogs = route({
  method: 'GET',
  path: '/v2/apps/:id/logs',
  access: 'app',
  summary: 'The last lines of the app and of what the controller did for it.',
  params: AppParams,
  query: Type.Object({
    log_lines: Type.Optional(Type.String()),
    follow: Type.Optional(Type.String()),
    type: Type.Optional(Type.String()),
  }),
  status: 200,
  response: Type.String(),
})

export const defaultLogLines = 100
