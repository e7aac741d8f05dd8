// How long does the router wait for what?

/** Milliseconds. Only tests use other values. */
export type Timing = {
  /** For the whole head of a request, from the beginning of its connection or the end of the one before. */
  readonly head: number
  /** How often that is checked. */
  readonly headCheck: number
  /** Without a byte of a request's body, while nothing of the answer has come. */
  readonly body: number
  /** How long a client's connection is kept without a request; clients are told so. */
  readonly idleClient: number
  /** Until a connection without a request is closed, once the router ends: its first request may be under way. */
  readonly silent: number
  /** While a client takes nothing of the end of a response, which waits for it in memory. */
  readonly untaken: number
  /** For the rest of a request that has been answered. */
  readonly unread: number
  readonly unreadCheck: number
  /** Until a connection to an upstream is open. */
  readonly connect: number
  /** Without a byte in either direction, once it is open (docs/contract/build-and-route.md §4.3, defaultTimeout). */
  readonly idle: number
  /** How long an upstream connection without a request is kept: apps commonly close theirs after 5 s. */
  readonly pooled: number
  /**
   * How old a connection to a shared upstream may be when it takes another request. The balancer behind the address binds
   * a connection to one process, and a process goes on serving for 5 s after the balancer has stopped choosing it: with
   * this much less than that, no request begins at a process that is about to end, and load reaches new ones soon.
   */
  readonly sharedAge: number
  /** How long all upstreams may refuse before the client gets an error. */
  readonly retry: number
  /** The same for a shared upstream: until its balancer has noticed that a process is gone. */
  readonly sharedRetry: number
  /** Between two rounds over refusing upstreams. */
  readonly retryPause: number
  /** Without a line of the feed; the controller pings every 5 s. */
  readonly silence: number
  /** Between two reports of requests. */
  readonly traffic: number
  /** Between two tries to reach the controller, at first and after many. */
  readonly firstDelay: number
  readonly lastDelay: number
  /** After many, when something else answers at its address. Less than a controller waits for routers after its start. */
  readonly lastWrongDelay: number
}

export const usualTiming: Timing = {
  head: 30_000,
  headCheck: 2_000,
  body: 60_000,
  idleClient: 75_000,
  silent: 500,
  untaken: 60_000,
  unread: 30_000,
  unreadCheck: 200,
  connect: 5_000,
  idle: 1_300_000,
  pooled: 4_000,
  sharedAge: 3_000,
  retry: 1_000,
  sharedRetry: 3_000,
  retryPause: 100,
  silence: 15_000,
  traffic: 10_000,
  firstDelay: 100,
  lastDelay: 1_000,
  lastWrongDelay: 5_000,
}
