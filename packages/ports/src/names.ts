// What are the names of pods, and the sources of their log lines?
import { createHash, randomInt } from 'node:crypto'

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789'

function lastPart(): string {
  return Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)]).join('')
}

/** `<app>-<type>-<10 digits>-<5 characters>`: the digits are the same for all pods of a release (docs/contract/cli.md `ps:restart`). */
export function podName(app: string, type: string, release: number): string {
  const hash = createHash('sha256').update(`${app} v${release}`).digest().readUInt32BE()
  return `${app}-${type}-${String(hash).padStart(10, '0')}-${lastPart()}`
}

/** A one-off process: `<app>-run-<5 characters>`. */
export function oneOffName(app: string): string {
  return `${app}-run-${lastPart()}`
}

/** `web.v3.x2x4z` (docs/contract/api.md §4.14). */
export function logSource(pod: { readonly name: string; readonly type: string; readonly release: number }): string {
  return `${pod.type}.v${pod.release}.${pod.name.slice(pod.name.lastIndexOf('-') + 1)}`
}

export function isAppId(id: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(id)
}
