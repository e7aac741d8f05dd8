// What does the router need to know, and how does it learn it (docs/architecture.md)?
import { type Static, Type } from 'typebox'

/** Where requests of one app go. */
export const AppRoute = Type.Object({
  app: Type.String(),
  /** Host names. One without a dot is a label under the platform domain; matching ignores case and the port. */
  hosts: Type.Array(Type.String()),
  /** `host:port` of every ready process of the routable type. Empty: 503. */
  upstreams: Type.Array(Type.String()),
  /**
   * Each upstream stands for several processes behind a balancer of its own. Connections to it are used anew for a few
   * seconds only, so that they follow its changes and none is left when a process behind it ends.
   */
  shared: Type.Optional(Type.Boolean()),
  /** Every request that the whitelist admits is answered with the maintenance page (503). Only there when it is so, as all that follows. */
  maintenance: Type.Optional(Type.Literal(true)),
  /**
   * Addresses and networks, IPv4 or IPv6 (`10.0.0.0/8`, `2001:db8::1`), from which the app may be reached; all others are
   * refused (403). A network may be written with host bits set. An entry that cannot be understood admits nobody.
   */
  whitelist: Type.Optional(Type.Array(Type.String())),
  /** Requests without TLS are sent to `https://` (301; those with a body 308). */
  enforceTls: Type.Optional(Type.Literal(true)),
  /** What TLS connections are answered with, by server name; `host` is one of `hosts`, and may begin with `*.`. Secret. */
  certificates: Type.Optional(
    Type.Array(
      Type.Object({
        host: Type.String(),
        /** PEM, the host's own certificate first, then the chain. */
        certificate: Type.String(),
        /** PEM, PKCS #8. */
        key: Type.String(),
      }),
    ),
  ),
})
export type AppRoute = Static<typeof AppRoute>

/**
 * What a controller says to a router, a line each in JSON, sealed as channel.ts says. The first one is a snapshot; each later
 * one replaces or removes one app. A ping comes at least every 5 s.
 * `seq` grows by one a line and restarts with each controller (`epoch` names it).
 */
export const RouteEvent = Type.Union([
  Type.Object({
    type: Type.Literal('snapshot'),
    epoch: Type.String(),
    seq: Type.Integer(),
    domain: Type.String(),
    apps: Type.Array(AppRoute),
  }),
  Type.Object({ type: Type.Literal('app'), seq: Type.Integer(), app: AppRoute }),
  Type.Object({ type: Type.Literal('gone'), seq: Type.Integer(), app: Type.String() }),
  Type.Object({ type: Type.Literal('ping'), seq: Type.Integer() }),
])
export type RouteEvent = Static<typeof RouteEvent>

/**
 * What a router says: at first, after every applied change, after each ping, and whenever `busy` shrinks. It has applied
 * everything up to `seq` of `epoch`. `busy` are upstreams that are no longer in the table but still answer requests that
 * began before; the controller stops a process only when it is gone from here.
 */
export const RouterState = Type.Object({
  router: Type.String({ minLength: 1, maxLength: 64 }),
  /** Where it listens; URLs of apps are made of it. */
  port: Type.Integer({ minimum: 1, maximum: 65535 }),
  epoch: Type.String({ maxLength: 64 }),
  seq: Type.Integer({ minimum: 0 }),
  busy: Type.Array(Type.String({ maxLength: 300 }), { maxItems: 15_000 }),
})
export type RouterState = Static<typeof RouterState>

/** With the success of a change of an app: how many routers follow this installation, and how many of them are up to date: `2/2`. */
export const routersHeader = 'deis-routers'
/** With any success: what whoever asked has to know besides, in one line. */
export const warningHeader = 'deis-warning'
