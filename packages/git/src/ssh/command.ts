// What does a client request in a session?

import type { Service } from '../push/serve.ts'

export type Request =
  | { readonly kind: 'ping' }
  | { readonly kind: 'git'; readonly service: Service; readonly app: string }
  | { readonly kind: 'refused'; readonly text: string }

const commandPattern = /^git[ -](receive-pack|upload-pack)(?: ([\s\S]*))?$/
// docs/contract/build-and-route.md §1.3; app ids have at most 63 characters.
const pathPattern = /^\/?([a-z]([a-z0-9-]*[a-z0-9])?)(\.git)?$/
const longestPath = 1 + 63 + 4

/** User text that is safe to show on a terminal: quoted, short, ASCII only. */
export function quoted(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text
  return JSON.stringify(short).replaceAll(
    /[^\u0020-\u007e…]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function unquote(word: string): string {
  const quote = word[0]
  const closed = word.length > 1 && word.endsWith(quote ?? '')
  return (quote === "'" || quote === '"') && closed ? word.slice(1, -1) : word
}

/** Parses an exec request. It never reaches a shell: only an app's name is used. */
export function parseCommand(command: string): Request {
  if (command === 'ping') return { kind: 'ping' }
  const match = commandPattern.exec(command)
  if (!match)
    return { kind: 'refused', text: `${quoted(command)} is not allowed: only git push and git fetch are served here.` }
  const path = unquote(match[2] ?? '')
  if (path === '') return { kind: 'refused', text: 'No repo given' }
  const app = path.length > longestPath ? undefined : pathPattern.exec(path)?.[1]
  if (!app || app.length > 63)
    return { kind: 'refused', text: `${quoted(path)} is not an app's repository: expected <app>.git` }
  return { kind: 'git', service: match[1] === 'receive-pack' ? 'git-receive-pack' : 'git-upload-pack', app }
}
