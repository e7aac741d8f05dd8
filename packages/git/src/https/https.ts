// How is a fetch or a push over HTTP served, for a user whose token is checked?
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type GitUser, ownFailure, Refused, serveGit, type Serving } from '../push/serve.ts'
import { openExchange } from './exchange.ts'
import type { GitRequest } from './request.ts'

const statusOf = { 'no app': 404, forbidden: 403 } as const

/** Plain text: git prints it when it asked which refs there are. The rest of a body is not read. */
export function refuseRequest(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...headers,
  })
  response.end(`${text}\n`)
}

/** Never rejects. */
export async function serveHttp(
  to: Serving,
  user: GitUser,
  asked: GitRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { app, service } = asked.call
  const { username } = user
  const started = Date.now()
  const exchange = openExchange(asked, request, response)
  let code = 1
  try {
    code = await serveGit(to, exchange.client, user, asked.call)
  } catch (error) {
    if (!(error instanceof Refused)) {
      to.deps.log('error', 'git session failed', { app, service, username, error })
      exchange.refuse(ownFailure)
    } else if (error.kind === 'busy') exchange.refuse(error.message)
    else if (!response.headersSent) refuseRequest(response, statusOf[error.kind], error.message)
  }
  const ms = Date.now() - started
  to.deps.log('info', 'git session', { app, service, username, over: 'http', step: asked.call.step, code, ms })
  await exchange.end(code)
}
