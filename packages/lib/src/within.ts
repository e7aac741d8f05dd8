// How is work limited by time and by another signal, without leaving a listener on that signal?

/**
 * Settles as `work` does, or rejects when the time is over or `signal` is aborted, whether `work` heeds its signal or not.
 * (AbortSignal.any and .timeout stay referenced by long-lived signals in Node 20; this is called again and again.)
 */
export async function within<T>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const limit = new AbortController()
  const follow = (): void => limit.abort(signal.reason)
  const timer = setTimeout(() => limit.abort(new Error(`no answer within ${ms / 1000} s`)), ms)
  signal.addEventListener('abort', follow, { once: true })
  const aborted = new Promise<never>((_, reject) => {
    limit.signal.addEventListener('abort', () => reject(limit.signal.reason as Error), { once: true })
  })
  try {
    return await Promise.race([work(limit.signal), aborted])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', follow)
  }
}
