// Which process types does a Procfile declare (docs/contract/build-and-route.md §1.11)?
import { alikeMessage, alikeTypes, invalidProcessType, isProcessType } from '@deis/types'
import { parse } from 'yaml'

/** A Procfile that cannot be used; the message names the line. */
export class BadProcfile extends Error {}

export const procfileLimits = { bytes: 65_536, types: 100, commandLength: 8192 } as const

const linePattern = /^\s*([A-Za-z0-9_-]+)\s*:(.*)$/

/** Deis read Procfiles as YAML, so a command that is one quoted string as a whole loses its quotes. */
function unquote(command: string): string {
  const quote = command[0]
  if ((quote !== '"' && quote !== "'") || !command.endsWith(quote) || command.length < 2) return command
  try {
    const value: unknown = parse(command)
    return typeof value === 'string' ? value.trim() : command
  } catch {
    // Quoted words of a shell command, such as 'a' && 'b', are not a YAML string.
    return command
  }
}

function parseLine(line: string): readonly [type: string, command: string] {
  const match = linePattern.exec(line)
  const [, type = '', rest = ''] = match ?? []
  // `http://…` and `a::b` are not declarations; after any other colon the space may be missing, as foreman allows.
  if (!match || /^(:|\/\/)/.test(rest)) throw new BadProcfile('this is not of the form `type: command`')
  if (!isProcessType(type)) throw new BadProcfile(`${invalidProcessType}; "${type.slice(0, 80)}" is not one`)
  const command = unquote(rest.trim())
  if (command === '') throw new BadProcfile(`Command can't be empty for process type "${type}"`)
  if (command.length > procfileLimits.commandLength)
    throw new BadProcfile(`a command has at most ${procfileLimits.commandLength} characters`)
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\0-\x08\x0b-\x1f\x7f]/.test(command)) throw new BadProcfile('control characters are not allowed')
  return [type, command]
}

/**
 * One `type: command` per line; `#` begins a comment only at the beginning of a line, elsewhere it belongs to the command.
 * Null: it declares nothing, which is the same as no Procfile.
 * @throws BadProcfile
 */
export function parseProcfile(text: string): Record<string, string> | null {
  if (Buffer.byteLength(text) > procfileLimits.bytes)
    throw new BadProcfile(`the Procfile is larger than ${procfileLimits.bytes} bytes`)
  const found = new Map<string, string>()
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\n|\r/)
    .entries()) {
    const content = line.trim()
    // `---` begins a YAML document.
    if (content === '' || content.startsWith('#') || content === '---') continue
    try {
      const [type, command] = parseLine(line)
      if (found.has(type)) throw new BadProcfile(`process type "${type}" is declared twice`)
      if (found.size === procfileLimits.types) throw new BadProcfile(`more than ${procfileLimits.types} process types`)
      const alike = alikeTypes([...found.keys(), type])
      if (alike) throw new BadProcfile(alikeMessage(alike))
      found.set(type, command)
    } catch (error) {
      if (!(error instanceof BadProcfile)) throw error
      throw new BadProcfile(`Procfile line ${index + 1}: ${error.message}`)
    }
  }
  return found.size === 0 ? null : Object.fromEntries(found)
}

/** A notice about a type that other platforms run by themselves; null: there is none. */
export function releaseNotice(processes: Readonly<Record<string, string>> | null): string | null {
  if (processes === null || !Object.hasOwn(processes, 'release')) return null
  return 'The release command of the Procfile is not run by a push: run it yourself, with `deis run`.'
}
