// Are the ports of the platform free, or used by the platform itself?
import type { Check } from '@deis/types'
import { handoverUnit, unitNames } from '../layout.ts'
import type { Listener } from '../machine/listeners.ts'

/** What is reached from outside. */
export const publicPorts = { 80: 'HTTP', 443: 'HTTPS', 2222: 'git' } as const

export function isOurs({ unit }: Listener): boolean {
  return unit !== null && [...unitNames, handoverUnit].includes(unit)
}

export function portChecks(listeners: readonly Listener[]): Check[] {
  return Object.entries(publicPorts).map(([text, purpose]): Check => {
    const port = Number(text)
    const name = `port ${port}`
    const found = listeners.find((listener) => listener.port === port)
    if (found === undefined) return { name, status: 'ok', detail: `free, for ${purpose}` }
    const program = found.program ?? 'another program (run this as root to see which)'
    if (isOurs(found)) return { name, status: 'ok', detail: `${purpose}, served by ${program}` }
    return {
      name,
      status: 'limited',
      concern: 'broken',
      detail: `used by ${program}, and needed for ${purpose}: stop that program, or let it listen elsewhere`,
    }
  })
}
