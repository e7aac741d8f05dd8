// How long does the router wait for what?

/** Milliseconds. Only tests use other values. */
export type Timing = {
  /** Until a connection to an upstream stands. */
  readonly connect: number
  /** Without a byte in either direction, once it stands (contract/build-and-route.md §4.3, defaultTimeout). */
  readonly idle: number
  /** How long an upstream connection without a request is kept: apps commonly close theirs after 5 s. */
  readonly pooled: number
  /** How long all upstreams may refuse before the client is told. */
  readonly retry: number
  /** Between two rounds over refusing upstreams. */
  readonly retryPause: number
  /** Without a line of the feed; the controller pings every 5 s. */
  readonly silence: number
  readonly firstDelay: number
  readonly lastDelay: number
}

export const usualTiming: Timing = {
  connect: 5_000,
  idle: 1_300_000,
  pooled: 4_000,
  retry: 1_000,
  retryPause: 100,
  silence: 15_000,
  firstDelay: 100,
  lastDelay: 1_000,
}
