// How does a test hold a build or a starting app at a known moment?
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Files } from './app.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Gate = {
  /** For the plain app's GATE. */
  readonly path: string
  /** Waits until so many processes stand before it, by the names of their pods and builds. */
  arrived(count?: number): Promise<string[]>
  open(): Promise<void>
  /** Forgets who came, and holds whoever comes next. */
  close(): Promise<void>
}

export async function newGate(platform: Platform, name: string): Promise<Gate> {
  const folder = join(platform.folder, 'gates')
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o1777)
  const path = join(folder, name)
  const waiting = async (): Promise<string[]> =>
    (await readdir(dirname(path)))
      .filter((entry) => entry.startsWith(`${basename(path)}.`))
      .map((entry) => entry.slice(basename(path).length + 1))
      .filter((name) => name !== 'open')
  return {
    path,
    arrived: (count = 1) =>
      until({ what: `${count} at the gate ${name}` }, async () => {
        const names = await waiting()
        return names.length >= count && names
      }),
    open: () => writeFile(`${path}.open`, ''),
    async close() {
      for (const end of ['open', ...(await waiting())]) await rm(`${path}.${end}`, { force: true })
    },
  }
}

/** A hook that holds the build of an app; it has no other variables than the platform's. */
export function heldBuild({ path }: Gate): Files {
  const script = `#!/bin/sh\n: > ${path}.$DEIS_BUILD\nwhile [ ! -e ${path}.open ]; do sleep 0.05; done\n`
  return { 'bin/pre-compile': script }
}
