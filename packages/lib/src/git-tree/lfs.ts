// Which files of a tree are only pointers to files in Git LFS?
import type { Turns } from '../turns.ts'
import { type CatFile, readObjects } from './objects.ts'

type Blobs = {
  readonly trees: ReadonlyMap<
    string,
    {
      readonly path: string
      readonly blobs: readonly { readonly id: string; readonly link: boolean; readonly name: string }[]
    }
  >
  readonly sizes: ReadonlyMap<string, number>
  /** The blobs called `.gitattributes`. */
  readonly attributes: ReadonlySet<string>
}

// A pointer has a version, an id and a size; the specification allows no more than this.
const pointer = { least: 100, most: 1023 }
const signature = 'version https://git-lfs.github.com/spec/v1\n'
const largestAttributes = 100_000
const mostAttributes = 1000
const mostNamed = 5

/** The paths of the first few. Files are read only if some `.gitattributes` mentions LFS at all. */
export async function lfsPointers(cat: CatFile, { trees, sizes, attributes }: Blobs, turns: Turns): Promise<string[]> {
  const readable = [...attributes].filter((id) => (sizes.get(id) ?? 0) <= largestAttributes).slice(0, mostAttributes)
  let used = false
  await readObjects(cat, readable, largestAttributes, ({ content }) => {
    used ||= content.toString('latin1').includes('filter=lfs')
  })
  if (!used) return []
  const small = [...sizes].filter(([, size]) => size >= pointer.least && size <= pointer.most).map(([id]) => id)
  const found = new Set<string>()
  await readObjects(cat, small, pointer.most, ({ id, content }) => {
    if (content.toString('latin1').startsWith(signature)) found.add(id)
  })
  const paths: string[] = []
  for (const { path, blobs } of trees.values())
    for (const { id, link, name } of blobs) {
      if (turns.over()) await turns.next()
      if (!link && found.has(id) && paths.length < mostNamed) paths.push(path === '' ? name : `${path}/${name}`)
    }
  return paths
}
