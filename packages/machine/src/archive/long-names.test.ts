// Does every name of an archive reach whoever unpacks it as it is written there, or is the archive refused?
import { Header, type HeaderData } from 'tar'
import { expect, test } from 'vitest'
import { tarParser } from './entries.ts'
import { BadArchive } from './order.ts'

const padded = (content: Buffer): Buffer => Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)])

function entry(data: HeaderData, content: Buffer | string = ''): Buffer {
  const bytes = Buffer.from(content)
  const header = new Header({ mode: 0o644, mtime: new Date(0), type: 'File', size: bytes.length, ...data })
  header.encode()
  return Buffer.concat([header.block as Buffer, padded(bytes)])
}

function record(key: string, value: Buffer | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  const digits = [1, 2, 3, 4, 5].find((count) => String(rest.length + count).length === count) ?? 0
  return Buffer.concat([Buffer.from(String(rest.length + digits)), rest])
}

const pax = (...records: Buffer[]): Buffer =>
  entry({ path: 'PaxHeaders/file', type: 'ExtendedHeader' }, Buffer.concat(records))
const gnu = (name: Buffer | string, type: 'NextFileHasLongPath' | 'NextFileHasLongLinkpath' = 'NextFileHasLongPath') =>
  entry({ path: '././@LongLink', type }, Buffer.concat([Buffer.from(name), Buffer.of(0)]))
const file = entry({ path: 'short', size: 4 }, 'text')
const end = Buffer.alloc(1024)

type Found = { readonly path: string; readonly linkpath: string; readonly content: string }

/** The entries, read in pieces of some size. */
function read(archive: Buffer, size: number): Found[] {
  const found: Found[] = []
  let content = ''
  const parser = tarParser(
    { entries: 10, bytes: 2 ** 20 },
    {
      begin: () => (content = ''),
      data: (chunk) => (content += chunk.toString()),
      end: ({ path, linkpath = '' }) => void found.push({ path, linkpath, content }),
    },
  )
  for (let at = 0; at < archive.length; at += size) parser.write(archive.subarray(at, at + size))
  parser.end()
  return found
}

const broken = `${'long '.repeat(30)}\nwith a line break\n`
const ending = `a${'ü'.repeat(700)}`
const injected = Buffer.concat([Buffer.of(0xff), Buffer.from('\n'), record('path', 'injected')])
const link = entry({ path: 'short', linkpath: 'target', type: 'SymbolicLink', size: 0 })

test.each<[string, Buffer, Partial<Found>]>([
  ['a long name with line breaks', Buffer.concat([pax(record('path', broken)), file]), { path: broken }],
  ['the same of GNU', Buffer.concat([gnu(broken), file]), { path: broken }],
  [
    'one that looks like records',
    Buffer.concat([pax(record('path', `a\n${record('path', 'b')}`)), file]),
    { path: `a\n${record('path', 'b')}` },
  ],
  [
    'a target with line breaks',
    Buffer.concat([pax(record('linkpath', broken)), link]),
    { path: 'short', linkpath: broken, content: '' },
  ],
  [
    'the same of GNU',
    Buffer.concat([gnu(broken, 'NextFileHasLongLinkpath'), link]),
    { path: 'short', linkpath: broken, content: '' },
  ],
  [
    'name and target',
    Buffer.concat([pax(record('linkpath', broken), record('path', `${broken}2`)), link]),
    { path: `${broken}2`, linkpath: broken, content: '' },
  ],
  ['characters of several bytes', Buffer.concat([pax(record('path', ending)), file]), { path: ending }],
  ['the same of GNU', Buffer.concat([gnu(ending), file]), { path: ending }],
  [
    'bytes that are not UTF-8',
    Buffer.concat([pax(record('path', Buffer.concat([Buffer.from('long '.repeat(30)), Buffer.of(0xe9)]))), file]),
    { path: `${'long '.repeat(30)}\uFFFD` },
  ],
  [
    'an attribute of any bytes',
    Buffer.concat([pax(record('SCHILY.xattr.user.x', injected), record('path', ending)), file]),
    { path: ending },
  ],
  [
    'an attribute, without a name',
    Buffer.concat([pax(record('SCHILY.xattr.user.x', injected)), file]),
    { path: 'short' },
  ],
  [
    'a size besides',
    Buffer.concat([
      pax(record('path', broken), record('size', '4')),
      entry({ path: 'short', size: 0 }),
      padded(Buffer.from('text')),
    ]),
    { path: broken },
  ],
])('%s', (_, archive, expected) => {
  for (const size of [1, 7, 511, 512, 700, 1e6])
    expect(read(Buffer.concat([archive, file, end]), size), `in pieces of ${size}`).toEqual([
      { path: 'short', linkpath: '', content: 'text', ...expected },
      { path: 'short', linkpath: '', content: 'text' },
    ])
})

test.each<[string, Buffer, RegExp]>([
  ['a record that is longer than it says', pax(Buffer.from('9 path=abcdef\n')), /"PaxHeaders\/file" .* cannot be read/],
  ['a record without a length', pax(Buffer.from('path=abcdef\n')), /"PaxHeaders\/file" .* cannot be read/],
  ['a record that is longer than all', pax(Buffer.from('900 path=abcdef\n')), /"PaxHeaders\/file" .* cannot be read/],
  ['a NUL in a name', pax(record('path', 'abc\0def')), /"PaxHeaders\/file" .* cannot be read/],
  ['a NUL in a name of GNU', gnu('abc\0def'), /LongLink" .* cannot be read/],
])('%s is refused', (_, header, message) => {
  for (const size of [7, 1e6]) {
    expect(() => read(Buffer.concat([header, file, end]), size)).toThrow(message)
    expect(() => read(Buffer.concat([header, file, end]), size)).toThrow(BadArchive)
  }
})

test('an archive that is cut off in a file or in a long name is refused', () => {
  const whole = Buffer.concat([file, pax(record('path', ending.repeat(4))), file, end])
  for (const to of [700, 1024 + 512, 1024 + 512 + 100]) expect(() => read(whole.subarray(0, to), 1e6)).toThrow()
})
