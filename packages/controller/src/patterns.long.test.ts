// Does every pattern for values from outside take time in proportion to their length?
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync } from 'vite'
import { describe, expect, it } from 'vitest'
import { routes } from './http/app.ts'

const packages = fileURLToPath(new URL('../..', import.meta.url))
/** What a body may have where a route says nothing else; the largest single values are of that order as well. */
const length = 20_000
/** A pattern that reads its input again from every place in it takes thousands of times as long as one that does not. */
const factor = 200
const leastMs = 25

type Pattern = { readonly source: string; readonly flags: string; readonly where: string }

/** Every property of every part of a syntax tree or a schema. */
function walk(value: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) visit(value as Record<string, unknown>)
  for (const part of Object.values(value)) walk(part, visit)
}

function inSources(): Pattern[] {
  const files = readdirSync(packages)
    .filter((name) => !['cli', 'e2e', 'install'].includes(name))
    .flatMap((name) =>
      readdirSync(join(packages, name, 'src'), { recursive: true, encoding: 'utf8' }).map((file) =>
        join(name, 'src', file),
      ),
    )
    // What the operator sets, and tests, come from nobody else.
    .filter(
      (file) => file.endsWith('.ts') && !/\.test\.ts$|generated|\/config|testing|testbed|contract-|fixture/.test(file),
    )
  return files.flatMap((file) => {
    const found: Pattern[] = []
    walk(parseSync(file, readFileSync(join(packages, file), 'utf8'), { lang: 'ts' }).program, ({ type, regex }) => {
      if (type !== 'Literal' || !regex) return
      const { pattern, flags } = regex as { pattern: string; flags: string }
      found.push({ source: pattern, flags, where: file })
    })
    return found
  })
}

function inSchemas(): Pattern[] {
  const found: Pattern[] = []
  for (const { path, body, query, params } of routes)
    walk({ body, query, params }, ({ pattern }) => {
      if (typeof pattern === 'string') found.push({ source: pattern, flags: 'u', where: path })
    })
  return found
}

const token =
  /\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[0-9a-fA-F]{4}|\\x[0-9a-fA-F]{2}|\\.|\[(?:\\.|[^\]\\])*\]|[^()|*+?{}^$[\\]/gu
const some = Array.from('a0Z-._/ \t\n\r"\'\\<>,;=%@:+[]{}~^*#&|!xmBé').concat('\u001b', '\u0300')

/** What a repeated part of the pattern may stand for: characters that its parts take, alone and next to each other. */
function pumps({ source, flags }: Pattern): string[] {
  const parts = source.replace(/\(\?<?[:=!]|\{\d+,?\d*\}|\\[bBdk]?$/g, '').match(token) ?? []
  const takes = parts
    .filter((part) => !/^\\[bB]$/.test(part))
    .map((part) => {
      const one = new RegExp(`^(?:${part})$`, flags.replace(/[gy]/g, ''))
      return some
        .filter((character) => one.test(character))
        .concat(Array.from(part).filter((character) => one.test(character)))
        .slice(0, 2)
    })
  const alone = takes.flat()
  const pairs = takes.flatMap((left, index) => left.flatMap((one) => (takes[index + 1] ?? []).map((two) => one + two)))
  const runs = (source.replace(/\\(\W)/g, '$1').match(/[\w\-/.:"<> =]{2,}/g) ?? []).slice(0, 4)
  return [...new Set([...alone, ...pairs, ...runs, ...some])]
}

function prefixes({ source }: Pattern): string[] {
  const runs = (
    source
      .replace(/\[(?:\\.|[^\]\\])*\]|\\[a-zA-Z]|\(\?<?[:=!]/g, '\n')
      .replace(/\\/g, '')
      .match(/[^\n()|*+?{}^$]+/g) ?? []
  ).slice(0, 3)
  return [...new Set(['', ...runs, runs.join('')])]
}

function cpuMs(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

// The least: the first ones compile the pattern, and any may have been interrupted.
const baseline = Math.min(...[1, 2, 3].map(() => cpuMs(() => /^[ab]*$/.test(`${'a'.repeat(length)}!`))))
const boundMs = Math.max(leastMs, factor * baseline)

/** The input that takes longest beyond the bound; null when none does. */
function slowest(pattern: Pattern): string | null {
  const flags = pattern.flags.includes('y') ? pattern.flags : `${pattern.flags.replace('g', '')}g`
  for (const pump of pumps(pattern))
    for (const prefix of prefixes(pattern)) {
      const text = `${prefix}${pump.repeat(Math.ceil(length / pump.length))}\u0001`
      const run = (): void => void text.replace(new RegExp(pattern.source, flags), '')
      // Twice: once may have been another's turn on the processor, or the collector's.
      if (cpuMs(run) > boundMs && cpuMs(run) > boundMs) return JSON.stringify(`${prefix}${pump}`)
    }
  return null
}

describe('patterns', () => {
  it('would be found here when they are not linear', () => {
    for (const source of ['^[+-]?\\d*\\.?\\d+m?$', '\\r+$', '<([^>]*)>\\s*;'])
      expect(slowest({ source, flags: '', where: 'here' })).not.toBeNull()
  })

  it.each([
    ['sources', inSources, 150],
    ['schemas', inSchemas, 1],
  ] as const)('in %s take their input in one pass', { timeout: 120_000 }, (_, found, least) => {
    const all = found()
    expect(all.length).toBeGreaterThan(least)
    const slow = all.flatMap((pattern) => {
      const input = slowest(pattern)
      return input === null ? [] : [`${pattern.where}: /${pattern.source}/${pattern.flags} with ${input}`]
    })
    expect(slow).toEqual([])
  })
})
