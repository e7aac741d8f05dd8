// Which messages do client and controller exchange in a session (`run -it`, `ps:exec`)?
// Ours. A WebSocket, because it passes the proxies that HTTP passes.
import { type Static, Type } from 'typebox'
import { AppParams, Empty, route } from './route.ts'

const side = { minimum: 1, maximum: 10_000 }
export const TerminalSize = Type.Object({ columns: Type.Integer(side), rows: Type.Integer(side) })
export type TerminalSize = Static<typeof TerminalSize>

/** The signals, without `SIG`. */
export const SessionSignal = Type.Union([
  Type.Literal('HUP'),
  Type.Literal('INT'),
  Type.Literal('QUIT'),
  Type.Literal('TERM'),
])
export type SessionSignal = Static<typeof SessionSignal>

/** The first message of the client, within 30 s. The command is not part of the URL, because proxies log URLs. */
export const TerminalStart = Type.Object({
  type: Type.Literal('start'),
  command: Type.String({ minLength: 1, maxLength: 100_000 }),
  /** The pod to run the command in; absent: a new pod of the current release. */
  pod: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
  /** Whether input follows; without it the command's input is empty. */
  stdin: Type.Boolean(),
  /** Null: no terminal, and separate stdout and stderr. `name` is the TERM of the command. */
  terminal: Type.Union([
    Type.Object({
      ...TerminalSize.properties,
      name: Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9._+-]{1,64}$' }),
    }),
    Type.Null(),
  ]),
})
export type TerminalStart = Static<typeof TerminalStart>

/**
 * How many bytes of input, and of output, may be unacknowledged: the sender then waits for a `read` message. Both sides
 * always read the socket, so that signals, pings and the end arrive.
 */
export const sessionWindow = 512 * 1024
/** The longest message of either side: a command, or a part of the input or output. */
export const sessionMessageBytes = 1024 * 1024

/** Acknowledges that so many more bytes were processed. */
const SessionRead = Type.Object({
  type: Type.Literal('read'),
  bytes: Type.Integer({ minimum: 1, maximum: sessionWindow }),
})

/** Text frames of the client. Its binary frames are input. */
export const ClientMessage = Type.Union([
  TerminalStart,
  Type.Object({ type: Type.Literal('resize'), ...TerminalSize.properties }),
  Type.Object({ type: Type.Literal('signal'), name: SessionSignal }),
  /** The end of the input. */
  Type.Object({ type: Type.Literal('eof') }),
  SessionRead,
])
export type ClientMessage = Static<typeof ClientMessage>

/** Text frames of the controller. The first byte of its binary frames tells stdout from stderr (`outputOf`). */
export const ServerMessage = Type.Union([
  Type.Object({ type: Type.Literal('started'), pod: Type.String(), release: Type.String() }),
  SessionRead,
  /** The last message of a session that ended normally. */
  Type.Object({ type: Type.Literal('exit'), code: Type.Integer() }),
  /** The last message of a session that failed. `status` is an HTTP status. */
  Type.Object({ type: Type.Literal('error'), status: Type.Integer(), detail: Type.String() }),
])
export type ServerMessage = Static<typeof ServerMessage>

/** The first byte of the controller's binary frames; it does not count as output. */
export const outputOf = { stdout: 1, stderr: 2 } as const

/** The controller sends pings, and both sides close a connection that is silent for so long. */
export const sessionPingMs = 20_000
export const sessionSilenceMs = 60_000

/** Answers an upgrade with 101, anything else with 426. The token is accepted in the header only, which web pages cannot set. */
export const openTerminal = route({
  method: 'GET',
  path: '/v2/apps/:id/terminal/',
  access: 'app',
  websocket: true,
  summary: 'Run a command in a session by WebSocket, with input, output, terminal and signals.',
  params: AppParams,
  status: 101,
  response: Empty,
})
