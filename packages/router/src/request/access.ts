// What does the access log contain for one request?

export type AccessEntry = {
  readonly time: string
  readonly app: string | null
  readonly client: string
  readonly method: string
  readonly host: string
  readonly path: string
  /** 0: the client left before an answer. */
  readonly status: number
  readonly bytes: number
  readonly upstream: string | null
  readonly ms: number
  readonly id: string
}

/** One JSON line. Control characters are escaped by JSON, so that a request cannot write lines of its own. */
export function accessLine(entry: AccessEntry): string {
  return `${JSON.stringify(entry)}\n`
}
