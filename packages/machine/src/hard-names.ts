// Which names of a small tar of git does our program leave out: those that are not UTF-8?
import { isUtf8 } from 'node:buffer'
import { block, extended, sizeOf, typeOf } from './tar-header.ts'

const nameLength = 100
const linkAt = 157
const prefixAt = 345
const prefixLength = 155

/** Without what follows a NUL. */
function field(header: Buffer, from: number, length: number): Buffer {
  const bytes = header.subarray(from, from + length)
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** Whether there is one. Of an archive that is not as git makes it, the answer means nothing. */
export function hasHardNames(tar: Buffer): boolean {
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block)
    const size = sizeOf(header)
    // Its end, or not of git.
    if (size === null) return false
    const names = [
      field(header, 0, nameLength),
      field(header, linkAt, nameLength),
      field(header, prefixAt, prefixLength),
    ]
    if (!names.every((name) => isUtf8(name))) return true
    const content = at + block
    if (typeOf(header) === extended && !isUtf8(tar.subarray(content, content + size))) return true
    at = content + Math.ceil(size / block) * block
  }
  return false
}
