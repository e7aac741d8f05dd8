// Which images does a Dockerfile name (FROM, COPY --from=, RUN --mount=from=), with its variables put in? Rather too many than too
// few: what only looks like an image is not found in the engine.

/** A Dockerfile whose images cannot be known before it is built. */
export class UnclearReference extends Error {}

const longestName = 1000
const deepest = 10
const instruction = /^(?:onbuild\s+)*(from|arg|env|copy|add|run)\s(.*)$/is
const fromOption = /from=([^\s,]+)/gi
/** One of those before what an instruction is about; quotes and spaces in it count as Docker counts them. */
const option = /\s*(--(?:"(?:[^"\\]|\\.)*"|'[^']*'|[\\`].|[^\s"'\\`])*)(?:\s|$)/sy

/** As instructions are: without comments, and in one piece. */
function instructionsOf(text: string, escape: string): string[] {
  const all: string[] = []
  let begun = ''
  for (const line of text.replace(/^\uFEFF/, '').split('\n')) {
    const content = line.trim()
    if (content === '' || content.startsWith('#')) continue
    const whole = content.endsWith(escape)
    begun += whole ? line.trimEnd().slice(0, -1) : line
    if (whole) continue
    all.push(begun.trim())
    begun = ''
  }
  return [...all, begun.trim()]
}

/** Null: its value is not understood. */
type Variables = ReadonlyMap<string, string | null>

/** Where the `}` is that ends what begins at `start`; -1: nowhere. */
function endOf(text: string, start: number): number {
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++
    if (text[at] === '}' && depth-- === 0) return at
  }
  return -1
}

/** Pure: a word as Docker reads it. @throws UnclearReference */
export function expand(word: string, variables: Variables, escape: string, depth = 0): string {
  const unclear = (): never => {
    throw new UnclearReference(
      `${JSON.stringify(word.slice(0, 200))} names an image in a way that is not understood: in such a name there may be $NAME, \${NAME}, \${NAME:-word} and \${NAME:+word}`,
    )
  }
  const valueOf = (name: string): string | undefined => {
    const value = variables.get(name)
    return value === null ? unclear() : value
  }
  if (depth > deepest) unclear()
  let out = ''
  let quote = ''
  for (let at = 0; at < word.length; at++) {
    if (out.length > longestName) unclear()
    const char = word[at] as string
    if (char === quote) quote = ''
    else if (quote === "'") out += char
    else if (quote === '' && (char === '"' || char === "'")) quote = char
    else if (char === escape) out += word[++at] ?? ''
    else if (char !== '$') out += char
    else if (word[at + 1] === '{') {
      const end = endOf(word, at + 2)
      const [, name = '', how = '', other = ''] = /^(\w+)(?:(:?[-+])(.*))?$/s.exec(word.slice(at + 2, end)) ?? []
      if (end === -1 || name === '') unclear()
      const value = valueOf(name)
      const isSet = how.startsWith(':') ? (value ?? '') !== '' : value !== undefined
      if (how.endsWith('+') ? isSet : how !== '' && !isSet) out += expand(other, variables, escape, depth + 1)
      else if (!how.endsWith('+')) out += value ?? ''
      at = end
    } else {
      const [name = ''] = /^\w+/.exec(word.slice(at + 1, at + 1 + longestName)) ?? []
      out += name === '' ? '$' : (valueOf(name) ?? '')
      at += name.length
    }
  }
  return out
}

const optionsOf = (rest: string): string[] => {
  const found: string[] = []
  const pattern = new RegExp(option)
  for (let match = pattern.exec(rest); match; match = pattern.exec(rest)) found.push(match[1] ?? '')
  return found
}

/** Null: not understood. Most are for no image, and only their use there is refused. */
function tryExpand(...given: Parameters<typeof expand>): string | null {
  try {
    return expand(...given)
  } catch (error) {
    if (error instanceof UnclearReference) return null
    throw error
  }
}

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

type Reference = { readonly image: string; readonly isBase: boolean }

function referencesBy(text: string, args: Readonly<Record<string, string>>, escape: string): Reference[] {
  const found: Reference[] = []
  const stages = new Set<string>()
  let count = 0
  /** Those before the first FROM are for the names in FROM. */
  const first = new Map<string, string | null>()
  const all = new Map<string, string | null>()
  const isStage = (name: string): boolean =>
    stages.has(name.toLowerCase()) || (/^\d{1,6}$/.test(name) && Number(name) < count)
  const set = (name: string, value: string | null): void => {
    all.set(name, value)
    if (count === 0) first.set(name, value)
  }
  const take = (word: string, variables: Variables, isBase = false): void => {
    const image = expand(word, variables, escape)
    if (image !== '' && image !== 'scratch' && !isStage(image)) found.push({ image, isBase })
  }
  for (const whole of instructionsOf(text, escape)) {
    const [, keyword = '', rest = ''] = instruction.exec(whole) ?? []
    switch (keyword.toLowerCase()) {
      case 'from': {
        const [image = '', as = '', name = ''] = wordsOf(rest).filter((word) => !word.startsWith('--'))
        take(image, first, true)
        count++
        if (as.toLowerCase() === 'as') stages.add(name.toLowerCase())
        break
      }
      case 'arg':
        for (const word of wordsOf(rest)) {
          const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(word) ?? []
          const given = Object.hasOwn(args, name) ? args[name] : undefined
          if (given !== undefined || value !== undefined) set(name, given ?? tryExpand(value ?? '', all, escape))
        }
        break
      case 'env': {
        const [, name = '', value = ''] = /^(\S+)\s+(.*)$/s.exec(rest.trim()) ?? []
        const words = name === '' || name.includes('=') ? wordsOf(rest) : [`${name}=${value}`]
        for (const word of words) {
          const [, key = '', text = ''] = /^([^=]*)=(.*)$/s.exec(word) ?? []
          set(key, tryExpand(text, all, escape))
        }
        break
      }
      case 'copy':
      case 'add':
      case 'run':
        for (const text of optionsOf(rest))
          for (const [, name = ''] of text.replaceAll(/["'\\`]/g, '').matchAll(fromOption)) {
            take(name, all)
            take(name, first)
          }
        break
    }
  }
  return found
}

function all(dockerfile: string, args: Readonly<Record<string, string>>): readonly Reference[] {
  // Only one of them is right (`# escape=`), and with the other there are names that nobody has.
  const other = /^[ \t]{0,99}#[ \t]{0,99}escape[ \t]{0,99}=[ \t]{0,99}`/im.test(dockerfile.slice(0, 4096)) ? ['`'] : []
  return ['\\', ...other].flatMap((escape) => referencesBy(dockerfile, args, escape))
}

/** Pure. `args`: values of build arguments. @throws UnclearReference */
export const referencesOf = (dockerfile: string, args: Readonly<Record<string, string>>): readonly string[] => [
  ...new Set(all(dockerfile, args).map(({ image }) => image)),
]

/** Pure: those that a stage begins with, and that may add instructions of their own to it. @throws UnclearReference */
export const basesOf = (dockerfile: string, args: Readonly<Record<string, string>>): readonly string[] => [
  ...new Set(all(dockerfile, args).flatMap(({ image, isBase }) => (isBase ? [image] : []))),
]
