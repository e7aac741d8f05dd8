// Does every document that the repository names exist, with the section that is named, and every file of code?
//   node scripts/references.mjs      exits 1 and lists the references that lead nowhere
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path) => readFileSync(join(root, path), 'utf8')

const tracked = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0')
const files = tracked.filter(
  (path) =>
    /\.(ts|mjs|sh|ya?ml|prisma|md)$|^\.ci\/|^scripts\/kube\/|Dockerfile$/.test(path) && existsSync(join(root, path)),
)
const documents = new Set(tracked.filter((path) => path.endsWith('.md')))

// `docs/contract/api.md §2.5, §7 #17`, `§2.8–2.10`, `§9 note 6`; names such as row.md in code have no folder and no section.
const reference =
  /((?:[\w.-]+\/)+[\w-]+\.md|[\w-]+\.md(?= §)|README\.md)((?:[ ,;]+(?:and |to |or )?§[\d.]*\d(?:–[\d.]*\d)?(?: (?:#|note |rows? )\d+)?)*)/g
const part = /§([\d.]*\d)(?:–([\d.]*\d))?(?: (?:#|note |rows? )(\d+))?/g

/** From the file itself, from the root, or from docs. */
function resolved(path, from) {
  const candidates = [join(dirname(from), path), path, join('docs', path)]
  return candidates.find((one) => documents.has(one)) ?? null
}

/** The text of a section; null: there is none. */
function sectionOf(text, number) {
  const heading = new RegExp(`^#+ ${number.replaceAll('.', '\\.')}[. ]`, 'm').exec(text)
  if (!heading) return null
  const level = heading[0].indexOf(' ')
  const rest = text.slice(heading.index + heading[0].length)
  const end = rest.search(new RegExp(`^#{1,${level}} `, 'm'))
  return end < 0 ? rest : rest.slice(0, end)
}

const hasItem = (text, number) => text !== null && new RegExp(`^${number}\\. `, 'm').test(text)

/** `§5.9` may also be item 9 of section 5. */
function hasSection(text, number) {
  if (sectionOf(text, number) !== null) return true
  const [whole, item, ...more] = number.split('.')
  return item !== undefined && more.length === 0 && hasItem(sectionOf(text, whole), item)
}

function problemsOf(file) {
  return read(file)
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(reference)].flatMap(([, path, sections]) => {
        const at = `${file}:${index + 1}: `
        const target = resolved(path, file)
        if (target === null) return /^https?:|node_modules|site\//.test(path) ? [] : [`${at}there is no ${path}`]
        const text = read(target)
        return [...sections.matchAll(part)].flatMap(([, first, last, item]) => {
          const missing = [first, last].filter((number) => number !== undefined && !hasSection(text, number))
          const gone = item !== undefined && missing.length === 0 && !hasItem(sectionOf(text, first), item)
          return [
            ...missing.map((number) => `${at}${target} has no §${number}`),
            ...(gone ? [`${at}${target} §${first} has no item ${item}`] : []),
          ]
        })
      }),
    )
}

/** As texts name a file: `packages` and `src` may be left out, and so may the folders before. */
const short = (path) => path.replaceAll(/(^|\/)(packages|src)\//g, '$1')
const code = tracked.filter((path) => /\.(ts|mjs)$/.test(path)).map((path) => `/${short(path)}`)

// `machine/src/firewall.ts`, `http/<noun>.ts`, `domain/*/<noun>.ts`; with a dot or a dash before, it belongs to something else.
const codeFile = /(?<![\w./<>*~-])(?:[\w.-]+\/|\*\/|<\w+>\/)*(?:[\w.-]|<\w+>)+\.(?:ts|mjs)(?![\w/])/g
const comment = /^\s*(?:\/\/|\/?\*|#)|(?<=\s)\/\/ |\/\*\*/

function hasCode(name) {
  const pattern = `/${short(name)}`.split(/<\w+>|\*/).map((part) => part.replaceAll('.', '\\.'))
  const expected = new RegExp(`${pattern.join('[^/]+')}$`)
  return code.some((path) => expected.test(path))
}

/** All of a document, the comments of a program: its strings may name files of an app. */
function missingCode(file) {
  return read(file)
    .split('\n')
    .flatMap((line, index) => {
      const start = file.endsWith('.md') ? 0 : line.search(comment)
      const names = start < 0 ? [] : (line.slice(start).match(codeFile) ?? [])
      return names.filter((name) => !hasCode(name)).map((name) => `${file}:${index + 1}: there is no ${name}`)
    })
}

const problems = files.flatMap((file) => [...problemsOf(file), ...missingCode(file)])
for (const problem of problems) console.error(problem)
if (problems.length === 0) console.log('every document, section and file that is named exists')
process.exitCode = problems.length === 0 ? 0 : 1
