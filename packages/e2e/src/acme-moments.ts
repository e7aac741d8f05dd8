// At which moment of an order is a controller, as its CA sees it, and how does a test keep it there?
import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'

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
  /**
   * Resolves when a request for the name has come there. It is kept, and all later ones, until `release`, or until the name is
   * held elsewhere.
   */
  hold(host: string, moment: Moment): Promise<void>
  /** Resolves when nobody waits for what is held any more. */
  abandoned(): Promise<unknown>
  release(): void
  /** Learns which addresses of the CA are about which name. */
  learn(headers: IncomingHttpHeaders, body: Buffer): void
  /** Which name a request is about, other than one for a new order. */
  hostOf(path: string): string | undefined
  /** Resolves at once unless this is a moment that is held. */
  pass(host: string | undefined, path: string, when: 'asked' | 'answered', answer: ServerResponse): Promise<void>
}

type Hold = { readonly moment: Moment; reached(): void; readonly released: Promise<void>; release(): void }

export function createMoments(): Moments {
  const hosts = new Map<string, string>()
  const held = new Map<string, Hold>()
  let closed: Promise<unknown>[] = []
  return {
    hold(host, moment) {
      held.get(host)?.release()
      return new Promise((reached) => {
        let release = (): void => {}
        const released = new Promise<void>((resolve) => (release = resolve))
        held.set(host, { moment, reached, released, release: () => release() })
      })
    },
    abandoned: () => Promise.all(closed),
    release() {
      for (const { release } of held.values()) release()
      held.clear()
      closed = []
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
    async pass(host, path, when, answer) {
      const found = held.get(host ?? '')
      if (!found) return
      const wanted = moments[found.moment]
      if (!path.startsWith(wanted.path) || wanted.when !== when) return
      closed.push(once(answer, 'close'))
      found.reached()
      await found.released
    },
  }
}
