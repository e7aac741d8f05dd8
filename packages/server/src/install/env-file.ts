// How are settings kept in a file that systemd reads and operators edit?

/** The last value counts, as for systemd. Quotes around a value are not part of it. */
export function readEnv(text: string): Map<string, string> {
  return new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const [, name, value = ''] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? []
      if (name === undefined) return []
      const trimmed = value.trim()
      const quoted = /^"([^"\\]*)"$|^'([^']*)'$/.exec(trimmed)
      return [[name, quoted?.[1] ?? quoted?.[2] ?? trimmed]]
    }),
  )
}

export type Values = Readonly<Record<string, string>>

/**
 * `before` with each of `always` set, and those of `otherwise` that it does not have. All other lines, comments too, stay what
 * the operator made of them.
 */
export function mergeEnv(before: string, head: string, always: Values, otherwise: Values): string {
  const had = readEnv(before)
  const lines = before === '' ? [`# ${head}`] : before.trimEnd().split('\n')
  const kept = lines.filter((line) => {
    const name = /^\s*([A-Za-z_][A-Za-z0-9_]*)=/.exec(line)?.[1]
    // Replaced where it stands, below; a second line for the same name would win over it.
    return name === undefined || !(name in always) || had.get(name) === always[name]
  })
  const missing = Object.entries({ ...always, ...otherwise, ...always }).filter(([name, value]) =>
    name in always ? had.get(name) !== value : !had.has(name),
  )
  return `${[...kept, ...missing.map(([name, value]) => `${name}=${value}`)].join('\n')}\n`
}
