// What is a valid upstream address?

const form = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)):(\d{1,5})$/

/** Splits `host:port`, `[v6]:port`; null when it is neither. */
export function parseAddress(address: string): { host: string; port: number } | null {
  const match = form.exec(address)
  const port = Number(match?.[4])
  if (match === null || port < 1 || port > 65_535) return null
  return { host: (match[1] ?? match[2])!, port }
}
