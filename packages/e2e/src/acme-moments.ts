// At which moment of an order is a controller, as its CA sees it, and how does a test keep it there?
import type { IncomingHttpHeaders } from 'node:http'

/** The paths are Pebble's. `asked`: the CA has not seen the request yet; `answered`: nobody has seen its answer yet. */
const moments = {
  ordering: { path: '/order-plz', when: 'asked' },
  ordered: { path: '/order-plz', when: 'answered' },
  reading: { path: '/authZ/', when: 'asked' },
  proving: { path: '/chalZ/', when: 'answered' },
  finalizing: { path: '/finalize-order/', when: 'asked' },
  finalized: { path: '/finalize-order/', when: 'answered' },
  downloading: { path: '/certZ/', when: 'asked' },
} as const

export type Moment = keyof typeof moments

type Document = {
  readonly identifiers?: readonly { readonly value: string }[]
  readonly identifier?: { readonly value: string }
  readonly authorizations?: readonly string[]
  readonly challenges?: readonly { readonly url: string }[]
  readonly finalize?: string
  readonly certificate?: string
}

export type Moments = {
  /** Resolves when a request for the name has come there. It is kept, and all later ones, until `release`. */
  hold(host: string, moment: Moment): Promise<void>
  release(): void
  /** Learns which addresses of the CA are about which name. */
  learn(headers: IncomingHttpHeaders, body: Buffer): void
  /** Which name a request is about, other than one for a new order. */
  hostOf(path: string): string | undefined
  /** Resolves at once unless this is a moment that is held. */
  pass(host: string | undefined, path: string, when: 'asked' | 'answered'): Promise<void>
}

export function createMoments(): Moments {
  const hosts = new Map<string, string>()
  const held = new Map<string, { readonly moment: Moment; reached(): void }>()
  let open = (): void => {}
  let released = Promise.resolve()
  return {
    hold(host, moment) {
      if (held.size === 0) released = new Promise((resolve) => (open = resolve))
      return new Promise((reached) => held.set(host, { moment, reached }))
    },
    release() {
      held.clear()
      open()
    },
    learn(headers, body) {
      if (!/json/.test(headers['content-type'] ?? '')) return
      const { identifiers, identifier, ...links } = JSON.parse(body.toString()) as Document
      const host = identifier?.value ?? identifiers?.[0]?.value
      if (host === undefined) return
      const urls = [
        ...(links.authorizations ?? []),
        ...(links.challenges ?? []).map(({ url }) => url),
        ...[links.finalize, links.certificate, headers.location].filter((url) => url !== undefined),
      ]
      for (const url of urls) hosts.set(new URL(url).pathname, host)
    },
    hostOf: (path) => hosts.get(path),
    async pass(host, path, when) {
      const found = held.get(host ?? '')
      if (!found) return
      const wanted = moments[found.moment]
      if (!path.startsWith(wanted.path) || wanted.when !== when) return
      found.reached()
      await released
    },
  }
}
