// Would Prometheus accept a text with metrics, would `promtool check metrics` find fault with it, and which values has it? For tests.

/** Values by name and labels as they are written, such as `up{job="a"}`. */
export type Exposition = ReadonlyMap<string, number>

const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{([^}]*)\})? (\S+)$/
const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"$/
const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped'])

type Family = { readonly name: string; readonly type: string; readonly samples: string[] }

function valueOf(text: string): number {
  const value = text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)
  if (!/^nan$/i.test(text) && Number.isNaN(value)) throw new Error(`${text} is not a value`)
  return value
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (name === family) return type !== 'histogram'
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['_sum', '_count'] : []
  return suffixes.some((suffix) => name === family + suffix)
}

function checkName({ name, type }: Family): void {
  if (type === 'counter' && !name.endsWith('_total')) throw new Error(`counter ${name} does not end with _total`)
  if (type !== 'counter' && name.endsWith('_total')) throw new Error(`${name} ends with _total and is not a counter`)
  if (/_(milliseconds|ms|minutes|kilobytes|megabytes|percent)(_|$)/.test(name))
    throw new Error(`${name} is not in a base unit`)
  if (/[A-Z]/.test(name)) throw new Error(`${name} has capital letters`)
}

function checkHistogram(family: Family, values: ReadonlyMap<string, number>): void {
  const series = new Map<string, { bound: number; value: number }[]>()
  for (const one of family.samples) {
    const found = /^\w+_bucket\{(?<labels>.*)\}$/.exec(one)?.groups?.labels
    if (found === undefined) continue
    const bound = /(?:^|,)le="([^"]*)"/.exec(found)?.[1]
    if (bound === undefined) throw new Error(`${one} has no le`)
    const rest = found
      .split(',')
      .filter((part) => !part.startsWith('le='))
      .join(',')
    series.set(rest, [...(series.get(rest) ?? []), { bound: valueOf(bound), value: values.get(one)! }])
  }
  for (const [labels, buckets] of series) {
    const ordered = buckets.every(
      ({ bound, value }, index) =>
        index === 0 || (bound > buckets[index - 1]!.bound && value >= buckets[index - 1]!.value),
    )
    if (!ordered || buckets.at(-1)?.bound !== Infinity)
      throw new Error(`the buckets of ${family.name} are not in order`)
    const braces = labels === '' ? '' : `{${labels}}`
    if (
      values.get(`${family.name}_count${braces}`) !== buckets.at(-1)?.value ||
      !values.has(`${family.name}_sum${braces}`)
    )
      throw new Error(`the count of ${family.name}${braces} is not that of its last bucket`)
  }
}

/** @throws what is wrong with it */
export function readExposition(text: string): Exposition {
  if (!text.endsWith('\n')) throw new Error('the last line has no end')
  const values = new Map<string, number>()
  const families = new Map<string, Family>()
  let helped = ''
  let family: Family | null = null
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? []
    if (kind === 'HELP') {
      if (families.has(name)) throw new Error(`${name} comes twice`)
      helped = name
    } else if (kind === 'TYPE') {
      if (helped !== name || !types.has(rest)) throw new Error(`${line} is not after its HELP, or not a type`)
      family = { name, type: rest, samples: [] }
      families.set(name, family)
      checkName(family)
    } else {
      const [, of = '', labels, value = ''] = sample.exec(line) ?? []
      if (of === '') throw new Error(`not a line of the format: ${line}`)
      if (family === null || !belongs(of, family)) throw new Error(`${line} is not with its family`)
      const names =
        labels === undefined ? [] : labels.split(',').map((one) => label.exec(one)?.[1] ?? `bad label ${one}`)
      const bad = names.find((one, index) => one.startsWith('bad') || names.indexOf(one) !== index)
      if (bad !== undefined) throw new Error(`${line}: ${bad}`)
      const series = line.slice(0, line.lastIndexOf(' '))
      if (values.has(series)) throw new Error(`${series} comes twice`)
      values.set(series, valueOf(value))
      family.samples.push(series)
    }
  }
  for (const one of families.values()) if (one.type === 'histogram') checkHistogram(one, values)
  return values
}
