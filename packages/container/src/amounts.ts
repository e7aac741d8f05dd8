// How much of memory and CPU may a process take, in numbers?
import { amountOf } from './quantity.ts'

export type Amounts = { readonly request: number | null; readonly limit: number | null }

/** `LIMIT`, or `REQUEST/LIMIT`; 0 is none. */
export function amounts(text: string | undefined, quantity: (text: string) => string): Amounts {
  if (text === undefined) return { request: null, limit: null }
  const read = (one: string): number | null => amountOf(quantity(one)) || null
  const [first = '', second] = text.split('/')
  return second === undefined ? { request: null, limit: read(first) } : { request: read(first), limit: read(second) }
}
