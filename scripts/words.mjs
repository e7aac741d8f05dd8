// Do names and texts use the field's words (docs/messages.md), and none of the metaphors that were here once?
//   node scripts/words.mjs      exits 1 and lists the lines that have one
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Whole words, also within camelCase and kebab-case names. */
const unwanted =
  'seat seats seated sit sits sitting stray strays farewell farewells guest guests bell bells kit door doors gate gates room rooms intake talk talks hear hears heard deaf voice welcome warden anew'.split(
    ' ',
  )
const phrases = [
  /(?<!there )\b(?:is|are|was) no (?!longer\b|more\b)[a-z]/i,
  /\blast words?\b/i,
  /lastWord/,
  /\bround in circles\b/,
]
/** Words that other programs or documents own. */
const allowed = /svelte ?kit|build-?kit|'bell/i
/** Files that name these words, or that no person writes. */
const unchecked = new Set(['scripts/words.mjs', 'docs/messages.md', 'pnpm-lock.yaml'])

const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' })
  .split('\0')
  .filter((path) => /\.(ts|mjs|md|sh|yaml|prisma)$/.test(path) && !unchecked.has(path) && existsSync(join(root, path)))

const wordsOf = (line) =>
  line
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z]+/)

const problems = files.flatMap((path) =>
  readFileSync(join(root, path), 'utf8')
    .split('\n')
    .flatMap((line, index) => {
      if (allowed.test(line)) return []
      const word = wordsOf(line).find((one) => unwanted.includes(one)) ?? phrases.find((one) => one.test(line))?.source
      return word === undefined ? [] : [`${path}:${index + 1}: ${word}: ${line.trim().slice(0, 120)}`]
    }),
)
for (const problem of problems) console.error(problem)
if (problems.length > 0) console.error(`${problems.length} lines use words that docs/messages.md replaces`)
else console.log('names and texts use the words of docs/messages.md')
process.exitCode = problems.length > 0 ? 1 : 0
