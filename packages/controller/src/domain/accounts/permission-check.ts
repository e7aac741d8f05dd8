// Is a user who keeps a connection open still allowed to?

/** Asks every `everyMs`, and calls `ended` when the user is no longer allowed. Returns the function that stops it. */
export function recheckPermission(
  isAllowed: () => Promise<boolean>,
  everyMs: number,
  ended: () => void,
  failed: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    isAllowed().then((allowed) => allowed || ended(), failed)
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
