// How are the logs of an app read and followed (docs/contract/api.md §2.3, §4.14)?
import { Type } from 'typebox'
import { AppParams, route, Word } from './route.ts'

/** In a response that continues (`follow=1`); controllers that cannot follow do not send it. */
export const followHeader = 'deis-follow'

/**
 * Text: `<time> app[web.v3.x2x4z]: line` and `<time> deis[controller]: INFO line`, each with a line end; 204 if there are none.
 * `follow=1` (ours): always 200, and the response continues with each new line, also of later releases, until the client
 * disconnects, the app is destroyed, the controller stops, or the token or the access to the app is revoked. At most 100 at
 * once per user (429). After 25 s without a line, an empty line keeps the connection alive.
 * `type=web` (ours): only lines of this process type.
 */
export const getLogs = route({
  method: 'GET',
  path: '/v2/apps/:id/logs',
  access: 'app',
  summary: 'Show the latest log lines of the app, and of the controller about it.',
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
