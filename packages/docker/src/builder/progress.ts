// What does the engine say while it builds a Dockerfile, and which image came out of it?

export type Step =
  | { readonly kind: 'text'; readonly text: string }
  /** Of BuildKit, in base64. */
  | { readonly kind: 'trace'; readonly message: string }
  | { readonly kind: 'image'; readonly id: string }
  | { readonly kind: 'error'; readonly message: string; readonly code: number | null }

const imageId = /^sha256:[0-9a-f]{64}$/

/** One line of its answer; null: nothing to show. */
export function stepOf(line: string): Step | null {
  let told: unknown
  try {
    told = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof told !== 'object' || told === null) return null
  const { stream, status, id, aux, error, errorDetail, progressDetail } = told as Record<string, unknown>
  if (typeof error === 'string' || (typeof errorDetail === 'object' && errorDetail !== null)) {
    const { message, code } = (errorDetail ?? {}) as { message?: unknown; code?: unknown }
    const text = typeof message === 'string' ? message : typeof error === 'string' ? error : 'the build failed'
    return { kind: 'error', message: text, code: typeof code === 'number' ? code : null }
  }
  if (typeof aux === 'string' && id === 'moby.buildkit.trace') return { kind: 'trace', message: aux }
  if (typeof aux === 'object' && aux !== null) {
    const { ID } = aux as { ID?: unknown }
    return typeof ID === 'string' && imageId.test(ID) ? { kind: 'image', id: ID } : null
  }
  if (typeof stream === 'string') return { kind: 'text', text: stream }
  // Of pulls only what happens once, not each part of each layer.
  if (typeof status === 'string' && id === undefined && progressDetail === undefined)
    return { kind: 'text', text: `${status}\n` }
  return null
}
