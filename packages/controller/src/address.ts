// Under which addresses do clients reach this controller?

export function authority(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Not the wildcard that the server may listen on. */
export function reachable(listening: string, asked: string): string {
  if (listening !== '0.0.0.0' && listening !== '::') return listening
  return /^[a-z0-9][a-z0-9.-]*$|^\[[0-9a-f:.]+\]$/i.test(asked) ? asked.replace(/^\[|\]$/g, '') : 'localhost'
}

/** Where programs of the same machine reach what listens on `address`. */
export function fromHere(address: string, port: number): string {
  const any: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '127.0.0.1' }
  return authority(any[address] ?? address, port)
}
