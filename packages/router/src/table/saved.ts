// How does the last table survive a restart, so that the router serves without its controller?
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { messageOf } from '@deis/types'
import { parseEvent } from '../feed/events.ts'
import { applyEvent, emptyTable, snapshotOf, type Table } from './table.ts'

/** The table saved in `file`; an empty one when there is none, or when it cannot be read (which is logged). */
export async function loadTable(file: string, log: (line: string) => void): Promise<Table> {
  let content: string
  try {
    content = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      log(`the saved route table cannot be read, starting without it: ${messageOf(error)}`)
    return emptyTable
  }
  try {
    const event = parseEvent(content)
    if (event.type !== 'snapshot') throw new Error('it is not a snapshot')
    return applyEvent(emptyTable, event)
  } catch (error) {
    log(`the saved route table "${file}" is damaged, starting without it: ${messageOf(error)}`)
    return emptyTable
  }
}

export type Keeper = { keep(table: Table): void; settled(): Promise<void> }

/** Writes the newest table; those that come while one is being written are skipped but for the last. */
export function keepTables(file: string, log: (line: string) => void): Keeper {
  // A router that takes its place for the time of a restart saves to the same file.
  const next = `${file}.new-${process.pid}`
  let newest: Table | null = null
  let writing: Promise<void> | null = null
  const write = async (): Promise<void> => {
    while (newest !== null) {
      const table = newest
      newest = null
      try {
        // It contains private keys: the file is created again, since an existing file would keep its mode.
        await rm(next, { force: true })
        await writeFile(next, JSON.stringify(snapshotOf(table)), { mode: 0o600, flag: 'wx' })
        await rename(next, file)
      } catch (error) {
        // Traffic goes on; the next change tries again.
        log(`the route table cannot be saved: ${messageOf(error)}`)
      }
    }
    writing = null
  }
  return {
    keep(table) {
      newest = table
      writing ??= write()
    },
    async settled() {
      await writing
    },
  }
}
