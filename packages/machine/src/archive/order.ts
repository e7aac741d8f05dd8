// What do the controller and its archive program tell each other?
import type { RunAs } from '../accounts.ts'

export type ArchiveLimits = {
  readonly entries: number
  /** Of all files together, unpacked. */
  readonly bytes: number
}

export const defaultLimits: ArchiveLimits = { entries: 1_000_000, bytes: 16 * 2 ** 30 }

export type UnpackOrder = {
  readonly mode: 'unpack'
  /** Whom the program becomes before it touches a file; null: it stays who it is. */
  readonly runAs: RunAs | null
  readonly limits: ArchiveLimits
}

export type PackOrder = {
  readonly mode: 'pack'
  readonly runAs: RunAs | null
  readonly limits: ArchiveLimits
  /** Paths below the folder; folders may end with `/`. */
  readonly skip: readonly string[]
  /** Entries of these names are left out wherever they are. */
  readonly skipNames: readonly string[]
  /** Of gzip. */
  readonly level: number
  /** Whether files keep their times; otherwise the same content makes the same archive. */
  readonly times: boolean
}

export type LookOrder = {
  readonly mode: 'look'
  readonly runAs: RunAs | null
  readonly limits: ArchiveLimits
  /** Paths of which is told whether they are there, as anything but a folder. */
  readonly names: readonly string[]
  /** Paths of files whose text is told. */
  readonly read: readonly string[]
  /** Most bytes of such a text; a longer one comes with one byte more. */
  readonly largest: number
}

/** Text null: a folder. */
export type RelayFile = { readonly path: string; readonly mode: number; readonly text: string | null }

export type RelayOrder = {
  readonly mode: 'relay'
  readonly runAs: RunAs | null
  readonly limits: ArchiveLimits
  /** Come first, and are root's. */
  readonly files: readonly RelayFile[]
  /** Where the entries of the archive go, and whose they are there. */
  readonly folder: string
  readonly user: number
}

/** To answer questions about the folder it is started in, one line for one line, until no more come. */
export type AnswerOrder = { readonly mode: 'answer'; readonly runAs: RunAs | null }

export type ArchiveOrder = UnpackOrder | PackOrder | LookOrder | RelayOrder | AnswerOrder

export type Question =
  | { readonly ask: 'has'; readonly path: string }
  | { readonly ask: 'start'; readonly path: string; readonly bytes: number }
  | { readonly ask: 'list'; readonly path: string; readonly most: number }

/** How a file begins. `start` in base64. */
export type FileStart =
  | { readonly found: 'nothing' }
  | { readonly found: 'link' }
  | { readonly found: 'other' }
  | { readonly found: 'unreadable'; readonly why: string }
  | { readonly found: 'file'; readonly size: number; readonly start: string }

export type Listed = readonly { readonly name: string; readonly folder: boolean }[]

export type Answer = { readonly answer: boolean | FileStart | Listed } | { readonly failed: string }

/** Something that has no place on the other side. */
export type LeftOut = { readonly path: string; readonly why: string }

export type ArchiveResult = { readonly entries: number; readonly bytes: number; readonly leftOut: readonly LeftOut[] }

export type Seen = ArchiveResult & {
  readonly present: readonly string[]
  /** By path. */
  readonly texts: Readonly<Record<string, string>>
}

export type ArchiveFault = {
  readonly kind: 'archive' | 'folder' | 'other'
  readonly message: string
  /** Of a failure of the disk, which is not the archive's fault. */
  readonly code?: string
}

/** The last thing the program says, as one JSON value. */
export type ArchiveReply = { readonly ok: ArchiveResult | Seen } | { readonly failure: ArchiveFault }

/** The pipes between the two, besides the usual three. */
export const orderDescriptor = 3
export const replyDescriptor = 4

/** Packing or unpacking failed for a reason that the user may read. */
export class ArchiveFailure extends Error {}

/** An archive with an entry that must not be unpacked; nothing of that entry was written. */
export class BadArchive extends ArchiveFailure {}

/** A folder that cannot become an archive. */
export class BadFolder extends ArchiveFailure {}

const mostNamed = 20

/** Names the first few and counts the others: what is left out may be very much. */
export function leftOutList(): { add(path: string, why: string): void; list(): LeftOut[] } {
  const named: LeftOut[] = []
  let more = 0
  return {
    add(path, why) {
      if (named.length < mostNamed) named.push({ path, why })
      else more++
    },
    list: () => (more === 0 ? named : [...named, { path: `${more} more`, why: 'left out as well' }]),
  }
}
