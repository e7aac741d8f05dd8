// Whose code is in a bundle, and under which licences?
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const noticesFile = 'THIRD-PARTY-NOTICES.txt'

const folder = 'node_modules/'

/** The folder of the library that a file belongs to; null for a file of ours, or one that a plugin made. */
function libraryOf(path) {
  const at = path.lastIndexOf(folder)
  if (at < 0) return null
  const [first, second] = path.slice(at + folder.length).split('/')
  return resolve(path.slice(0, at + folder.length), first.startsWith('@') ? `${first}/${second}` : first)
}

function noticeOf(library) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'))
  const texts = readdirSync(library)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .toSorted()
    .map((file) => readFileSync(join(library, file), 'utf8').trim())
  if (texts.length === 0 && typeof license !== 'string')
    throw new Error(`${name} does not say under which licence it is`)
  const by = typeof author === 'string' ? author : author?.name
  return `${name} ${version} (${license ?? 'see below'})\n\n${texts.length > 0 ? texts.join('\n\n') : `No text of the licence is in the package.${by ? ` Author: ${by}` : ''}`}\n`
}

/** A text that names every library of which a file is among `inputs`, with its licence. */
export function noticesOf(inputs) {
  const libraries = new Set(inputs.map(libraryOf).filter((library) => library !== null))
  const notices = [...libraries].map(noticeOf)
  return `This contains code of the following libraries.\n\n${[...new Set(notices)].toSorted().join(`\n${'-'.repeat(80)}\n\n`)}`
}
