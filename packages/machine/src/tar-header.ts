// What does a header of a tar say of what follows it?

export const block = 512
/** The type of names that are too long for a header. */
export const extended = 'x'.charCodeAt(0)
const sizeAt = 124
const sizeLength = 12
const typeAt = 156

/** In bytes. Null: not as git and our own call of GNU tar write it. */
export function sizeOf(header: Buffer): number | null {
  const digits = /^([0-7]{1,11})[ \0]*$/.exec(header.toString('latin1', sizeAt, sizeAt + sizeLength))?.[1]
  return digits === undefined ? null : Number.parseInt(digits, 8)
}

export const typeOf = (header: Buffer): number => header[typeAt] ?? 0
