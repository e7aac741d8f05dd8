// How large is a commit's tree before it is unpacked, and what in it cannot be deployed?
// A tree of a few kilobytes may expand to more files than any disk holds, since many of its folders may be the same object.
// So every object is read once, and the size of a folder is the sum of what it contains.
import { openTurns, type Turns } from '../turns.ts'
import { type CatFile, type Found, readObjects, UnusableObject } from './objects.ts'
import { lfsPointers } from './lfs.ts'
import { parseTree, type TreeEntry } from './entries.ts'

export type SourceLimits = {
  /** Files, folders and links. */
  readonly entries: number
  readonly bytes: number
}

export type Submodule = {
  readonly path: string
  readonly sha: string
  /** Why its files are missing; omitted: submodules are not fetched. */
  readonly why?: string
}

export type Contents = {
  readonly entries: number
  readonly bytes: number
  readonly submodules: readonly Submodule[]
  /** Paths of the first few pointers to files in Git LFS. */
  readonly lfs: readonly string[]
}

/** The source cannot be deployed as it is; the message is for the user. */
export class BadSource extends Error {}

/** Deeper than any real project, and within the longest possible path. */
const deepest = 100
const longestPath = 4095
const longestName = 255
const largestTree = 64 * 2 ** 20
const mostNamed = 100

type Tree = {
  /** The path where it was found first. */
  readonly path: string
  readonly folders: { readonly name: string; readonly id: string }[]
  readonly blobs: { readonly id: string; readonly link: boolean; readonly name: string }[]
}

type Sum = { entries: number; bytes: number; depth: number; longest: number }

const shown = (path: string): string => JSON.stringify(path.length > 120 ? `…${path.slice(-119)}` : path)
const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`
const under = (path: string, name: string): string => (path === '' ? name : `${path}/${name}`)

function tooMany({ entries }: SourceLimits): BadSource {
  return new BadSource(
    `The source has more than ${entries} files and folders. Remove what is not needed, or raise DEIS_MAX_SOURCE_FILES.`,
  )
}

function checkName(path: string, { name, text }: TreeEntry): void {
  if (name.length > longestName)
    throw new BadSource(`${shown(under(path, text))} has a name longer than ${longestName} bytes. Rename it.`)
  // Archives have no portable way to store these.
  if (text.includes('\n')) throw new BadSource(`${shown(under(path, text))} has a line break in its name. Rename it.`)
}

/** Every tree once, level by level. */
async function readTrees(
  cat: CatFile,
  root: string,
  limits: SourceLimits,
  turns: Turns,
): Promise<{ trees: Map<string, Tree>; submodules: Submodule[]; attributes: Set<string> }> {
  const trees = new Map<string, Tree>()
  const submodules: Submodule[] = []
  const attributes = new Set<string>()
  let next = new Map([[root, '']])
  let seen = 0
  for (let depth = 0; next.size > 0; depth++) {
    if (depth > deepest) throw new BadSource(`The source has folders nested more than ${deepest} deep. Move them up.`)
    const level = next
    next = new Map()
    const take = async ({ id, type, content }: Found): Promise<void> => {
      if (type !== 'tree') throw new UnusableObject(`${id} is a ${type}, not a tree`)
      const tree: Tree = { path: level.get(id) ?? '', folders: [], blobs: [] }
      trees.set(id, tree)
      for (const entry of parseTree(content)) {
        if (turns.over()) await turns.next()
        if (++seen > limits.entries) throw tooMany(limits)
        checkName(tree.path, entry)
        const path = under(tree.path, entry.text)
        if (entry.kind === 'unknown')
          throw new BadSource(`${shown(path)} has the mode ${entry.mode}, which git does not support. Add it again.`)
        if (entry.kind === 'submodule') {
          if (submodules.length < mostNamed) submodules.push({ path, sha: entry.id })
        } else if (entry.kind === 'folder') {
          tree.folders.push({ name: entry.text, id: entry.id })
          if (!trees.has(entry.id)) next.set(entry.id, path)
        } else {
          tree.blobs.push({ id: entry.id, link: entry.kind === 'link', name: entry.text })
          if (entry.text === '.gitattributes' && entry.kind === 'file') attributes.add(entry.id)
        }
      }
    }
    await readObjects(cat, [...level.keys()], largestTree, take, turns)
    for (const id of trees.keys()) next.delete(id)
  }
  return { trees, submodules, attributes }
}

/** The total of a tree, from the totals of its folders; each counted once, without recursion. */
async function addUp(
  root: string,
  trees: ReadonlyMap<string, Tree>,
  sizes: ReadonlyMap<string, number>,
  turns: Turns,
): Promise<Sum> {
  const sums = new Map<string, Sum>()
  const stack = [root]
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    const tree = trees.get(id)
    const open = tree?.folders.filter((folder) => !sums.has(folder.id)) ?? []
    if (open.length > 0) {
      stack.push(...open.map((folder) => folder.id))
      continue
    }
    stack.pop()
    if (!tree || sums.has(id)) continue
    const sum = { entries: 0, bytes: 0, depth: 1, longest: 0 }
    for (const blob of tree.blobs) {
      if (turns.over()) await turns.next()
      sum.entries++
      sum.bytes += sizes.get(blob.id) ?? 0
      sum.longest = Math.max(sum.longest, Buffer.byteLength(blob.name))
    }
    for (const folder of tree.folders) {
      if (turns.over()) await turns.next()
      const inner = sums.get(folder.id) ?? sum
      sum.entries += 1 + inner.entries
      sum.bytes += inner.bytes
      sum.depth = Math.max(sum.depth, 1 + inner.depth)
      sum.longest = Math.max(sum.longest, Buffer.byteLength(folder.name) + 1 + inner.longest)
    }
    sums.set(id, sum)
  }
  return sums.get(root) ?? { entries: 0, bytes: 0, depth: 0, longest: 0 }
}

/**
 * Measures the tree of a commit in time and memory proportional to the number of its objects, not of its files.
 * @throws BadSource when it is beyond the limits or cannot be deployed; what `cat` throws
 */
export async function measureTree(cat: CatFile, sha: string, limits: SourceLimits): Promise<Contents> {
  const turns = openTurns()
  try {
    let root = ''
    await readObjects(cat, [`${sha}^{tree}`], null, ({ id }) => void (root = id))
    const { trees, submodules, attributes } = await readTrees(cat, root, limits, turns)
    const sizes = new Map<string, number>()
    for (const { blobs } of trees.values())
      for (const { id } of blobs) {
        if (turns.over()) await turns.next()
        sizes.set(id, 0)
      }
    await readObjects(cat, [...sizes.keys()], null, ({ id, size }) => void sizes.set(id, size), turns)
    for (const { path, blobs } of trees.values())
      for (const { id, link, name } of blobs) {
        if (turns.over()) await turns.next()
        const size = sizes.get(id) ?? 0
        if (link && size > longestPath)
          throw new BadSource(
            `${shown(under(path, name))} is a link with a target of ${size} bytes; at most ${longestPath} are allowed.`,
          )
        if (size > limits.bytes) throw tooLarge(`${shown(under(path, name))} alone is ${megabytes(size)}`, limits)
      }
    const sum = await addUp(root, trees, sizes, turns)
    if (sum.entries > limits.entries) throw tooMany(limits)
    if (sum.bytes > limits.bytes)
      throw tooLarge(
        `The source is ${Number.isSafeInteger(sum.bytes) ? megabytes(sum.bytes) : 'larger than any disk'}`,
        limits,
      )
    if (sum.depth > deepest)
      throw new BadSource(`The source has folders nested more than ${deepest} deep. Move them up.`)
    if (sum.longest > longestPath)
      throw new BadSource(`The source has a path longer than ${longestPath} bytes. Shorten the names of its folders.`)
    const lfs = await lfsPointers(cat, { trees, sizes, attributes }, turns)
    return { entries: sum.entries, bytes: sum.bytes, submodules, lfs }
  } catch (error) {
    if (!(error instanceof UnusableObject)) throw error
    throw new BadSource(`The source cannot be read: ${error.message}.`, { cause: error })
  }
}

function tooLarge(what: string, { bytes }: SourceLimits): BadSource {
  return new BadSource(
    `${what}; at most ${megabytes(bytes)} are allowed. Remove what is not needed, or raise DEIS_MAX_SOURCE_MB.`,
  )
}
