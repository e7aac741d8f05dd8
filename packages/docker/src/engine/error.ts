// What did the engine refuse, and why?

/** `status`: 0 if there was no answer. */
export class EngineError extends Error {
  readonly status: number
  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EngineError'
    this.status = status
  }
}

export const hasStatus = (error: unknown, ...statuses: readonly number[]): boolean =>
  error instanceof EngineError && statuses.includes(error.status)

/** The engine did not answer at all: it may be about to start again. */
export const isAway = (error: unknown): boolean => hasStatus(error, 0)

/** The longest text of the engine that is passed on. */
const longest = 500

/** What it says in the body of an answer, in one line. */
export function refusalOf(status: number, body: string): string {
  let told: unknown
  try {
    told = (JSON.parse(body) as { message?: unknown } | null)?.message
  } catch {
    // A proxy's page.
  }
  const text = typeof told === 'string' ? told : body
  return text.replaceAll(/\s+/g, ' ').trim().slice(0, longest) || `status ${status}`
}
