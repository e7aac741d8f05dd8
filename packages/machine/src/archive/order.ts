// Which messages do the controller and its archive program exchange?
import type { RunAs } from '../accounts.ts'

export type ArchiveLimits = {
  readonly entries: number
  /** Of all files together, unpacked. */
  readonly bytes: number
}

export const defaultLimits: ArchiveLimits = { entries: 1_000_000, bytes: 16 * 2 ** 30 }

/** The first line that the program reads. */
export type Opening = {
  /** Where it works. */
  readonly folder: string
  /** The user that the program becomes before it touches a file there; null: it stays the same. */
  readonly runAs: RunAs | null
  /** A file of the platform, read instead of the standard input; it is opened before that. */
  readonly input: string | null
}

/** From the input; if that is a file, several of these read it from its beginning. */
export type UnpackOrder = {
  readonly mode: 'unpack'
  readonly limits: ArchiveLimits
  /** Where it works from now on; null: where it does. */
  readonly folder: string | null
  /** As layers of images have them: a name that begins with a slash is the one without it. Default: it is refused. */
  readonly rooted?: boolean
}

/** To the output. It is the last order, as the output ends with the program. */
export type PackOrder = {
  readonly mode: 'pack'
  readonly limits: ArchiveLimits
  /** Paths below the folder; folders may end with `/`. */
  readonly skip: readonly string[]
  /** Entries of these names are left out wherever they are. */
  readonly skipNames: readonly string[]
  /** Of gzip. */
  readonly level: number
  /** Whether files keep their times; otherwise the same content makes the same archive. */
  readonly times: boolean
  /** Whether the folder shall become what unpacking the archive would make, where that is possible. */
  readonly settle: boolean
  /** Whether the tar of the machine packs it, if it has many files. It is GNU's. */
  readonly tar: boolean
}

export type LookOrder = {
  readonly mode: 'look'
  readonly limits: ArchiveLimits
  /** Paths to check for existence, as anything but a folder. */
  readonly names: readonly string[]
  /** Paths of files whose text is returned. */
  readonly read: readonly string[]
  /** Maximum bytes of such a text; a longer one is returned with one byte more. */
  readonly largest: number
}

/** Text null: a folder. */
export type RelayFile = { readonly path: string; readonly mode: number; readonly text: string | null }

/** From the input to the output. */
export type RelayOrder = {
  readonly mode: 'relay'
  readonly limits: ArchiveLimits
  /** These come first, and belong to root. */
  readonly files: readonly RelayFile[]
  /** Where the entries of the archive go, and who owns them there. */
  readonly folder: string
  readonly user: number
}

export type FingerprintOrder = { readonly mode: 'fingerprint' }

/** What is done at a path below the folder, or at an absolute one. If it fails, the next one may still succeed. */
export type PathOrder =
  | { readonly mode: 'has'; readonly path: string }
  | { readonly mode: 'start'; readonly path: string; readonly bytes: number }
  | { readonly mode: 'list'; readonly path: string; readonly most: number }
  | { readonly mode: 'write'; readonly path: string; readonly text: string; readonly executable: boolean }
  | { readonly mode: 'remove'; readonly path: string }

/** One per line after the first, executed one after the other until the end. */
export type ArchiveOrder = UnpackOrder | PackOrder | LookOrder | RelayOrder | FingerprintOrder | PathOrder

/** How much of a file's start is read at most. */
export const mostBytes = 4 * 2 ** 20

/** How a file begins. `start` in base64. */
export type FileStart =
  | { readonly found: 'nothing' }
  | { readonly found: 'link' }
  | { readonly found: 'other' }
  | { readonly found: 'unreadable'; readonly why: string }
  | { readonly found: 'file'; readonly size: number; readonly start: string }

export type Listed = readonly { readonly name: string; readonly folder: boolean }[]

export type Fingerprint = { readonly hash: string; readonly size: number; readonly files: number }

/** An entry that was left out, and why. */
export type LeftOut = { readonly path: string; readonly why: string }

export type ArchiveResult = { readonly entries: number; readonly bytes: number; readonly leftOut: readonly LeftOut[] }

/** `settled`: the folder now is what unpacking would make, but that only its owner may enter it. */
export type PackResult = ArchiveResult & { readonly settled: boolean }

export type Seen = ArchiveResult & {
  readonly present: readonly string[]
  /** By path. */
  readonly texts: Readonly<Record<string, string>>
  /** Of those to be read that are symbolic links: where they lead, by path. */
  readonly links: Readonly<Record<string, string>>
}

export type ArchiveFault = {
  readonly kind: 'archive' | 'folder' | 'path' | 'tar' | 'other'
  readonly message: string
  /** Of a failure of the disk, which is not the archive's fault. */
  readonly code?: string
}

/** To each order, one per line. After a failure of anything but a `PathOrder` the program ends. */
export type ArchiveReply =
  | { readonly ok: ArchiveResult | PackResult | Seen | Fingerprint | boolean | FileStart | Listed | null }
  | { readonly failure: ArchiveFault }

/** The pipes between the two, besides the three standard ones. */
export const orderDescriptor = 3
export const replyDescriptor = 4

/** Packing or unpacking failed for a reason that may be shown to the user. */
export class ArchiveFailure extends Error {}

/** A path in such a reason. */
export const shown = (path: string): string => JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path)

/** An archive with an entry that must not be unpacked; nothing of that entry was written. */
export class BadArchive extends ArchiveFailure {}

/** A folder that cannot become an archive. */
export class BadFolder extends ArchiveFailure {}

/** A folder that the tar of the machine has not packed, and our program shall. */
export class TarFault extends Error {}

const mostNamed = 20

/** Names the first few and counts the others, since there may be very many. */
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
