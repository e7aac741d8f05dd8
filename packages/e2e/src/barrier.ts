// How does a test make a build or a starting app wait at a known point?
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Files } from './app.ts'
import type { Platform } from './platform.ts'
import { until } from './until.ts'

export type Barrier = {
  /** For the plain app's BARRIER. */
  readonly path: string
  /** Waits until so many processes have reached it; returns the names of their pods and builds. */
  arrived(count?: number): Promise<string[]>
  open(): Promise<void>
  /** Resets it, so that it blocks again. */
  close(): Promise<void>
}

export async function newBarrier(platform: Platform, name: string): Promise<Barrier> {
  const folder = join(platform.folder, 'barriers')
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
      until({ what: `${count} at the barrier ${name}` }, async () => {
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
export function heldBuild({ path }: Barrier): Files {
  const script = `#!/bin/sh\n: > ${path}.$DEIS_BUILD\nwhile [ ! -e ${path}.open ]; do sleep 0.05; done\n`
  return { 'bin/pre-compile': script }
}
