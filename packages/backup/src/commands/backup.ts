// What does `deis-server backup` do?
import { stat } from 'node:fs/promises'
import type { Config } from '@deis/controller/config'
import { makeBackup } from '../create.ts'
import { unless } from '../files.ts'
import { concernOf, listText, storedBackups } from '../list.ts'
import { becomeOwner } from '../owner.ts'
import type { Programs } from '../programs.ts'
import { openTarget, usualFolder } from '../targets/open.ts'
import type { Io } from './io.ts'

type Options = { readonly to?: string }

/** Returns the exit code: 0 when the backup is made and proven. */
export async function backup(config: Config, options: Options, programs: Programs, io: Io): Promise<number> {
  await becomeOwner(config.dataDir)
  const target = await openTarget(config, options.to, io.cwd)
  const { now, signal } = io
  const record = await makeBackup({ config, target, programs, now, signal, say: io.out })
  if (target.title === usualFolder(config.dataDir))
    io.out('  it is on the disk of the platform: copy it elsewhere, or set DEIS_BACKUP_TO')
  for (const what of record.leftOut) io.out(`  without ${what}`)
  for (const line of record.proof?.checks ?? []) io.out(`  ${line}`)
  if (record.proof?.failed === null) {
    io.out(`proven in ${record.proof.seconds} s`)
    return 0
  }
  io.error(`The backup was made but is not proven: ${record.proof?.failed}.`)
  return 1
}

/** `deis-server backups`. 0 when the newest is proven and not too old. */
export async function backups(config: Config, options: Options, io: Io): Promise<number> {
  const usual = options.to === undefined && config.backup.to === ''
  const there = !usual || (await unless(stat(usualFolder(config.dataDir)), 'ENOENT', null)) !== null
  const found = there ? await storedBackups(await openTarget(config, options.to, io.cwd, false)) : []
  for (const line of listText(found, io.red)) io.out(line)
  const concern = concernOf(found, { now: io.now(), everyHours: config.backup.everyHours })
  if (concern === null) return 0
  io.error(concern)
  return 1
}
