// How are headers written?
import { validateHeaderName, validateHeaderValue } from 'node:http'

/** `pairs`: names and values in turn. @throws when something in it would not be read as what it is. */
export function linesOf(pairs: readonly string[]): string {
  let lines = ''
  for (let index = 0; index < pairs.length; index += 2) {
    validateHeaderName(pairs[index]!)
    validateHeaderValue(pairs[index]!, pairs[index + 1]!)
    lines += `${pairs[index]}: ${pairs[index + 1]}\r\n`
  }
  return lines
}
