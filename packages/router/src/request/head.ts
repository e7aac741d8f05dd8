// How is the head of a response written?
import { validateHeaderName, validateHeaderValue } from 'node:http'

/** `raw`: names and values in turn. Without the blank line. @throws when something in it would not be read as what it is. */
export function headLines(status: number, message: string, raw: readonly string[]): string {
  validateHeaderValue('message', message)
  let text = `HTTP/1.1 ${status} ${message}\r\n`
  for (let index = 0; index < raw.length; index += 2) {
    validateHeaderName(raw[index]!)
    validateHeaderValue(raw[index]!, raw[index + 1]!)
    text += `${raw[index]}: ${raw[index + 1]}\r\n`
  }
  return text
}
