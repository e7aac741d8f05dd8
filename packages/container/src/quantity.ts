// What do limits as users write them mean, in the units of Kubernetes (docs/contract/api.md §4.3)?

const memoryPattern = /^(\d+)(?:([kmg])b?|b)?$/i

/** `20mb` → `20Mi`, `1g` → `1Gi`, `10B` → `10`. */
export function memoryQuantity(text: string): string {
  const found = memoryPattern.exec(text.trim())
  if (!found) throw new Error(`${JSON.stringify(text)} is not an amount of memory`)
  const unit = found[2]
  return unit === undefined ? (found[1] ?? '') : `${found[1]}${unit.toUpperCase()}i`
}

export const cpuQuantity = (text: string): string => text.trim().toLowerCase()

const units: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
}

/** A quantity of the API as a number: `1930m`, `16384516Ki`, `2`; null: it is not one. */
export function amountOf(text: string): number | null {
  const [, digits, unit = ''] = /^(\d{1,20}(?:\.\d{1,20})?)([A-Za-z]{0,2})$/.exec(text) ?? []
  const factor = units[unit]
  return digits === undefined || factor === undefined ? null : Number(digits) * factor
}

type Amounts = Record<string, string>
export type Resources = { limits?: Amounts; requests?: Amounts }

/** `LIMIT`, or `REQUEST/LIMIT`. */
export function resourcesOf(limits: { readonly memory?: string; readonly cpu?: string }): Resources {
  const wanted = { limits: {} as Amounts, requests: {} as Amounts }
  const read = (name: 'memory' | 'cpu', text: string | undefined, quantity: (text: string) => string): void => {
    if (text === undefined) return
    const [first = '', second] = text.split('/')
    if (second === undefined) wanted.limits[name] = quantity(first)
    else {
      wanted.requests[name] = quantity(first)
      wanted.limits[name] = quantity(second)
    }
  }
  read('memory', limits.memory, memoryQuantity)
  read('cpu', limits.cpu, cpuQuantity)
  return Object.fromEntries(Object.entries(wanted).filter(([, amounts]) => Object.keys(amounts).length > 0))
}
