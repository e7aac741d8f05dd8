// Which bytes do names, values and targets of HTTP consist of, and which names deserve a closer look?

export const inToken = 1
export const inTarget = 2
export const inValue = 4
/** As `inValue`, and visible or a space or tab of ASCII. */
export const inPlainValue = 8
export const isUnderscore = 16

/** What each byte may be part of; a name ends at another byte than a value, so that one pass finds all borders. */
export const kinds = Uint8Array.from({ length: 256 }, (_, code) => {
  const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]/.test(String.fromCharCode(code))
  const visible = code > 0x20 && code < 0x7f
  const plain = visible || code === 0x20 || code === 0x09
  return (
    (token ? inToken : 0) |
    (visible ? inTarget : 0) |
    (plain || code > 0x7f ? inValue : 0) |
    (plain ? inPlainValue : 0) |
    (code === 0x5f ? isUnderscore : 0)
  )
})

export const tab = 0x09
export const lf = 0x0a
export const cr = 0x0d
export const space = 0x20
export const slash = 0x2f
export const colon = 0x3a

const letters = 32

/** Whether a name with that length and first byte may be one of `names`: most headers need not be looked up. */
export function filterOf(names: Iterable<string>): (length: number, first: number) => boolean {
  const longest = Math.max(...[...names].map((name) => name.length))
  const may = new Uint8Array((longest + 1) * letters)
  // These bits are the same for a capital and a small letter.
  for (const name of names) may[name.length * letters + (name.charCodeAt(0) & 31)] = 1
  return (length, first) => length <= longest && may[length * letters + (first & 31)] === 1
}
