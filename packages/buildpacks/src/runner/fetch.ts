// How is everything that a build needs fetched into the work folder of its pod?
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Value } from 'typebox/value'
import type { Archiver } from '@deis/machine/archive'
import { leaveOut } from '../cnb/leave-out.ts'
import { sourceFilter } from '../cnb/source-filter.ts'
import { fetchFile, fetchStream, fetchText } from './transfer.ts'
import { FetchOrder, nodeName, slugStateName, sourceFolderName, sourceTarName } from './order.ts'

/** The cache is one that a build of the same app made. */
async function restoreCache(url: string, folder: string, archiver: Archiver, signal: AbortSignal): Promise<void> {
  const target = join(folder, slugStateName, 'cache')
  await mkdir(target, { recursive: true })
  await archiver.unpack(await fetchStream('the cache', url, signal), target, { signal })
}

/** `copyNode`: leaves the node that runs this for an image that has none. */
export async function fetchAll(
  folder: string,
  orderUrl: string,
  copyNode: boolean,
  archiver: Archiver,
  signal: AbortSignal,
): Promise<void> {
  const order = Value.Parse(FetchOrder, JSON.parse(await fetchText('the order', orderUrl, signal)))
  if (copyNode) {
    await copyFile(process.execPath, join(folder, nodeName))
    await chmod(join(folder, nodeName), 0o755)
  }
  for (const [name, text] of Object.entries(order.files)) {
    const file = join(folder, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text, { mode: 0o600 })
  }
  if (order.cache !== null) await restoreCache(order.cache, folder, archiver, signal)
  if (!order.unpack) return fetchFile('the source', order.source, join(folder, sourceTarName), signal)
  const target = join(folder, sourceFolderName)
  await mkdir(target)
  await archiver.unpack(await fetchStream('the source', order.source, signal), target, { signal })
  const keeps = sourceFilter(order.patterns ?? { include: null, exclude: null })
  if (keeps !== null) await leaveOut(target, keeps)
}
