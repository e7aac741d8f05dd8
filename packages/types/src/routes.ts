// What do controller and router send to each other (docs/architecture.md)?
import { type Static, Type } from 'typebox'

/** The route of one app. */
export const AppRoute = Type.Object({
  app: Type.String(),
  /** Host names. One without a dot is a label under the platform domain; matching ignores case and the port. */
  hosts: Type.Array(Type.String()),
  /** `host:port` of every ready process of the routable type. Empty: 503. */
  upstreams: Type.Array(Type.String()),
  /**
   * Each upstream is a load balancer of several processes. Connections to it are reused for a few seconds only, so that they
   * follow its changes, and none is left when a process behind it ends.
   */
  shared: Type.Optional(Type.Boolean()),
  /** Number of the release that was deployed last: what its requests are counted for. */
  release: Type.Optional(Type.Integer({ minimum: 0 })),
  /** The API of the platform itself: its requests have `proofHeader`. */
  platform: Type.Optional(Type.Literal(true)),
  /** Requests that the whitelist allows get the maintenance page (503). Absent means no, as in all fields below. */
  maintenance: Type.Optional(Type.Literal(true)),
  /**
   * Addresses and networks, IPv4 or IPv6 (`10.0.0.0/8`, `2001:db8::1`), that may reach the app; all others are refused
   * (403). A network may have host bits set. An invalid entry allows no address.
   */
  whitelist: Type.Optional(Type.Array(Type.String())),
  /** Requests without TLS are redirected to `https://` (301; with a body 308). */
  enforceTls: Type.Optional(Type.Literal(true)),
  /** The same, but only for names that have a certificate, and where the router accepts TLS. */
  redirectTls: Type.Optional(Type.Literal(true)),
  /** Seconds, for `Strict-Transport-Security` in the app's answers over TLS. */
  hsts: Type.Optional(Type.Integer({ minimum: 0 })),
  /** Certificates by server name; `host` is one of `hosts`, and may begin with `*.`. Secret. */
  certificates: Type.Optional(
    Type.Array(
      Type.Object({
        host: Type.String(),
        /** PEM, the certificate of the host first, then the chain. */
        certificate: Type.String(),
        /** PEM, PKCS #8. */
        key: Type.String(),
      }),
    ),
  ),
})
export type AppRoute = Static<typeof AppRoute>

/** What routers answer at `/.well-known/acme-challenge/<token>` of a host, until its certificate is issued. */
export const Challenge = Type.Object({
  /** In lower case, without a port. */
  host: Type.String(),
  token: Type.String(),
  keyAuthorization: Type.String(),
})
export type Challenge = Static<typeof Challenge>

/**
 * The messages of a controller to a router, one JSON line each, authenticated by channel.ts. The first is a snapshot; each
 * later one replaces or removes one app, or replaces all challenges. A ping is sent at least every 5 s.
 * `seq` increases by one per line and restarts with each controller, which `epoch` identifies.
 */
export const RouteEvent = Type.Union([
  Type.Object({
    type: Type.Literal('snapshot'),
    epoch: Type.String(),
    seq: Type.Integer(),
    domain: Type.String(),
    apps: Type.Array(AppRoute),
    challenges: Type.Optional(Type.Array(Challenge)),
  }),
  Type.Object({ type: Type.Literal('challenges'), seq: Type.Integer(), challenges: Type.Array(Challenge) }),
  Type.Object({ type: Type.Literal('app'), seq: Type.Integer(), app: AppRoute }),
  Type.Object({ type: Type.Literal('gone'), seq: Type.Integer(), app: Type.String() }),
  Type.Object({ type: Type.Literal('ping'), seq: Type.Integer() }),
])
export type RouteEvent = Static<typeof RouteEvent>

/** Requests of an app since the report before this one. */
export const Traffic = Type.Object({
  app: Type.String({ maxLength: 63 }),
  /** By the first digit of the status; the first are those whose client left before an answer. */
  classes: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 6, maxItems: 6 }),
  /** By how long they took: up to each of `durationBounds`, and longer than all. */
  durations: Type.Array(Type.Integer({ minimum: 0 }), { minItems: 13, maxItems: 13 }),
})
export type Traffic = Static<typeof Traffic>

/** Seconds. */
export const durationBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/**
 * The message of a router: at the start, after each applied change, after each ping, and when `busy` shrinks. The router has
 * applied everything up to `seq` of `epoch`. `busy` are upstreams that are no longer in the table, but still handle earlier
 * requests; the controller stops a process only when it is no longer in this list.
 */
export const RouterState = Type.Object({
  router: Type.String({ minLength: 1, maxLength: 64 }),
  /** The port it listens on, for the URLs of apps. */
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
  epoch: Type.String({ maxLength: 64 }),
  seq: Type.Integer({ minimum: 0 }),
  busy: Type.Array(Type.String({ maxLength: 300 }), { maxItems: 15_000 }),
  traffic: Type.Optional(Type.Array(Traffic, { maxItems: 2_000 })),
})
export type RouterState = Static<typeof RouterState>

/** In the response to a successful change of an app: how many routers have applied it, of how many: `2/2`. */
export const routersHeader = 'deis-routers'
/** In any successful response: a warning for the user, in one line. */
export const warningHeader = 'deis-warning'
