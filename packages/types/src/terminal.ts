// How does a person sit at a command on the platform: which messages pass, and what do they mean?
// Ours: Deis never had it. A WebSocket, so that it passes every proxy that HTTP passes.
import { type Static, Type } from 'typebox'
import { AppParams, Empty, route } from './route.ts'

const side = { minimum: 1, maximum: 10_000 }
export const TerminalSize = Type.Object({ columns: Type.Integer(side), rows: Type.Integer(side) })
export type TerminalSize = Static<typeof TerminalSize>

/** What `name` of `signal` may be, without its `SIG`. */
export const SessionSignal = Type.Union([
  Type.Literal('HUP'),
  Type.Literal('INT'),
  Type.Literal('QUIT'),
  Type.Literal('TERM'),
])
export type SessionSignal = Static<typeof SessionSignal>

/** The first message of the client, within 30 s. The command is not part of the URL, which proxies write down. */
export const TerminalStart = Type.Object({
  type: Type.Literal('start'),
  command: Type.String({ minLength: 1, maxLength: 100_000 }),
  /** In this pod, beside what runs there; absent: in a pod of its own, of the current release. */
  pod: Type.Optional(Type.String({ minLength: 1, maxLength: 253 })),
  /** Whether input follows; without it the command's input is empty. */
  stdin: Type.Boolean(),
  /** Null: no terminal, stdout and stderr apart. `name` becomes the command's TERM. */
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
 * How many bytes of input, and how many of output, may be on their way: whoever sends them waits then until the other side
 * says `read`. Neither side ever stops reading the socket itself, so that signals, pings and the end always get through.
 */
export const sessionWindow = 512 * 1024
/** The longest message of either side: a command, or a part of the input or output. */
export const sessionMessageBytes = 1024 * 1024

/** So many bytes more of what the other side sent have been used up. */
const SessionRead = Type.Object({
  type: Type.Literal('read'),
  bytes: Type.Integer({ minimum: 1, maximum: sessionWindow }),
})

/** Text frames of the client. Its binary frames are input, as it is. */
export const ClientMessage = Type.Union([
  TerminalStart,
  Type.Object({ type: Type.Literal('resize'), ...TerminalSize.properties }),
  Type.Object({ type: Type.Literal('signal'), name: SessionSignal }),
  /** The end of the input. */
  Type.Object({ type: Type.Literal('eof') }),
  SessionRead,
])
export type ClientMessage = Static<typeof ClientMessage>

/** Text frames of the controller. In its binary frames the first byte says which output the rest is (`outputOf`). */
export const ServerMessage = Type.Union([
  Type.Object({ type: Type.Literal('started'), pod: Type.String(), release: Type.String() }),
  SessionRead,
  /** The last message of a session that came to its end. */
  Type.Object({ type: Type.Literal('exit'), code: Type.Integer() }),
  /** The last message of one that did not. `status`: what an HTTP answer would have. */
  Type.Object({ type: Type.Literal('error'), status: Type.Integer(), detail: Type.String() }),
])
export type ServerMessage = Static<typeof ServerMessage>

/** First byte of the controller's binary frames; it does not count as output. */
export const outputOf = { stdout: 1, stderr: 2 } as const

/** The controller pings, and either side hangs up when it hears nothing at all for so long. */
export const sessionPingMs = 20_000
export const sessionSilenceMs = 60_000

/** Answers an upgrade with 101, anything else with 426. The token is taken from the header only, which no web page can set. */
export const openTerminal = route({
  method: 'GET',
  path: '/v2/apps/:id/terminal/',
  access: 'app',
  websocket: true,
  summary: 'Run a command with its input, output, terminal and signals, by WebSocket.',
  params: AppParams,
  status: 101,
  response: Empty,
})
