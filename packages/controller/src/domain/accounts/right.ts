// Does what let somebody in still hold, while he stays?

/** Asks now and then, and calls `ended` when it does not. Returns the function that stops asking. */
export function askWhether(
  mayGoOn: () => Promise<boolean>,
  everyMs: number,
  ended: () => void,
  failed: (error: unknown) => void,
): () => void {
  const timer = setInterval(() => {
    mayGoOn().then((may) => may || ended(), failed)
  }, everyMs)
  timer.unref()
  return () => clearInterval(timer)
}
