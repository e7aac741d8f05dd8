// How is a backup made, stored, proven and recorded?
import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { statfs } from 'node:fs/promises'
import type { Config } from '@deis/controller/config'
import { writeProven } from '@deis/controller/store/proven'
import { DeisError } from '@deis/types'
import { encryptionOf } from './keys.ts'
import { sizeOf } from './files.ts'
import { freeName, recordName } from './format/names.ts'
import { bytesOf, type Manifest } from './format/manifest.ts'
import type { Record } from './format/record.ts'
import { expired } from './format/retention.ts'
import { sizeText } from './format/size.ts'
import { backupStream } from './format/write.ts'
import { storedBackups } from './list.ts'
import { openWork } from './lock.ts'
import { platformOf } from './platform.ts'
import type { Programs } from './programs.ts'
import { clearTrial } from './proof/app.ts'
import { prove } from './proof/prove.ts'
import { takeSnapshot } from './snapshot/snapshot.ts'
import type { Target } from './targets/target.ts'

export type Making = {
  readonly config: Config
  readonly target: Target
  readonly programs: Programs
  readonly now: () => Date
  readonly signal: AbortSignal
  /** A line for the operator. */
  say(line: string): void
}

/** The copy of the database, and about as much again for what is smaller. Slugs take no space. */
async function needSpace({ config }: Making): Promise<void> {
  const platform = platformOf(config)
  const wanted = 2 * (await sizeOf(join(platform.dataDir, 'state'))) + (await sizeOf(platform.git.folder))
  const { bavail, bsize } = await statfs(platform.dataDir)
  if (wanted > bavail * bsize)
    throw new DeisError(
      'unavailable',
      `A backup needs about ${sizeText(wanted)} in "${platform.dataDir}", and ${sizeText(bavail * bsize)} are free.`,
      { hint: 'Free some space first; the backups that are there were not changed.' },
    )
}

async function store(
  { target, signal }: Making,
  name: string,
  stream: Readable,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  const pass = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      hash.update(chunk)
      bytes += chunk.length
      yield chunk
    }
  }
  await target.write(name, Readable.from(pass(), { objectMode: false }), signal)
  return { bytes, sha256: hash.digest('hex') }
}

async function needFree({ target }: Making, manifest: Manifest): Promise<void> {
  const free = await target.free()
  const needed = bytesOf(manifest.files)
  if (free !== null && needed > free)
    throw new DeisError(
      'unavailable',
      `The backup needs up to ${sizeText(needed)} in "${target.title}", and ${sizeText(free)} are free.`,
      { hint: 'Free some space there, or keep fewer backups (DEIS_BACKUP_KEEP_…).' },
    )
}

/** Deletes backups that are no longer needed; the newest is proven when this is called. */
async function deleteExpired({ config, target, now, say }: Making): Promise<void> {
  const backups = await storedBackups(target)
  for (const name of expired(backups, config.backup.keep, now())) {
    // The backup first: a record without one is nothing.
    await target.remove(name)
    await target.remove(recordName(name))
    say(`deleted ${name}, which is no longer needed`)
  }
}

/** Returns the record; its proof says whether the backup can be relied on. @throws when none was made. */
export async function makeBackup(making: Making): Promise<Record> {
  const { config, target, programs, now, signal, say } = making
  const platform = platformOf(config)
  const { encryption, opening } = await encryptionOf(config.backup)
  if (target.offSite && encryption.kind === 'none')
    throw new DeisError(
      'invalid',
      `A backup contains the keys of the platform, so it is not sent to "${target.title}" unencrypted.`,
      {
        hint: 'Set DEIS_BACKUP_RECIPIENTS (make a key with: deis-server backup-key FILE) or DEIS_BACKUP_PASSPHRASE_FILE.',
      },
    )
  const work = await openWork(platform.dataDir)
  try {
    await clearTrial({ config, programs, signal })
    await needSpace(making)
    const began = now()
    const name = freeName(await target.list(), began, encryption.kind !== 'none')
    const stage = join(work.folder, 'snapshot')
    await mkdir(stage, { mode: 0o700 })
    const manifest = await takeSnapshot(platform, stage, { migrations: programs.migrations, now: began, signal, say })
    await needFree(making, manifest)
    const written = await store(making, name, await backupStream(stage, manifest, encryption))
    await rm(stage, { recursive: true, force: true })
    const record: Record = {
      name,
      createdAt: manifest.createdAt,
      ...written,
      apps: manifest.apps.length,
      encryption: encryption.kind,
      leftOut: manifest.leftOut,
      proof: null,
    }
    // Before the proof: a backup whose proof was killed is listed as one that is not proven.
    await target.writeText(recordName(name), JSON.stringify(record))
    say(`${name}: ${sizeText(written.bytes)} in ${target.title}, ${encryptedText[encryption.kind]}`)
    const scratch = join(work.folder, 'proof')
    await mkdir(scratch, { mode: 0o700 })
    const proof = await prove(
      {
        target,
        name,
        ...written,
        opening,
        scratch,
        programs,
        config,
        signal,
      },
      now,
    )
    const proven = { ...record, proof }
    await target.writeText(recordName(name), JSON.stringify(proven))
    if (proof.failed === null) {
      await writeProven(platform.dataDir, record.createdAt)
      await deleteExpired(making)
    }
    return proven
  } finally {
    await work.close()
  }
}

const encryptedText = {
  none: 'not encrypted',
  keys: 'encrypted for your keys',
  passphrase: 'encrypted with your passphrase',
} as const
