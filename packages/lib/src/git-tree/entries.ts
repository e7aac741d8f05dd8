// What does a git tree object contain?

export type TreeEntry = {
  /** The bytes that git stores. */
  readonly name: Buffer
  readonly text: string
  readonly mode: string
  readonly kind: 'file' | 'link' | 'folder' | 'submodule' | 'unknown'
  readonly id: string
}

const kinds: Readonly<Record<string, TreeEntry['kind']>> = {
  '4': 'folder',
  '10': 'file',
  '12': 'link',
  '16': 'submodule',
}

const idBytes = 20

/** `<mode> <name>\0<20 bytes of id>`, repeated; an incomplete entry at the end is ignored. */
export function* parseTree(content: Buffer): Generator<TreeEntry> {
  for (let from = 0; from < content.length;) {
    const space = content.indexOf(0x20, from)
    const end = content.indexOf(0, space)
    if (space < 0 || end < 0 || end + 1 + idBytes > content.length) return
    const mode = content.toString('latin1', from, Math.min(space, from + 12))
    const name = content.subarray(space + 1, end)
    const bits = Number.parseInt(mode, 8)
    yield {
      name,
      text: name.toString('utf8'),
      mode,
      kind: kinds[(bits >> 12).toString(8)] ?? 'unknown',
      id: content.toString('hex', end + 1, end + 1 + idBytes),
    }
    from = end + 1 + idBytes
  }
}
