// How does a machine in a container of systemd-nspawn get controllers of cgroup v1 that it may write?
import { mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from './until.ts'

const mounted = '/sys/fs/cgroup'
const names = ['memory', 'pids', 'cpu', 'cpuacct', 'cpuset', 'blkio', 'devices', 'freezer']

export type Controllers = {
  /** A group for the machine in each hierarchy. */
  readonly folders: readonly string[]
  /** When nothing of it runs any more. */
  remove(): Promise<void>
}

async function removeTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
    if (entry.isDirectory()) await removeTree(join(folder, entry.name))
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}

/** Null: this machine has cgroup v2 alone, where a container gets a tree of its own to write. */
export async function controllersOf(machine: string): Promise<Controllers | null> {
  if ((await stat(join(mounted, 'memory')).catch(() => null)) === null) return null
  const folders = names.map((name) => join(mounted, name, machine))
  for (const folder of folders) await mkdir(folder, { recursive: true })
  // Without these nothing can be in it.
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    await writeFile(join(mounted, 'cpuset', machine, file), await readFile(join(mounted, 'cpuset', file)))
  return {
    folders,
    async remove() {
      for (const folder of folders)
        await until({ what: `${folder} is empty`, seconds: 20 }, () => removeTree(folder).then(() => true))
    },
  }
}

/** systemd-nspawn mounts them read-only; systemd looks which it may write when it starts. */
const init = `for name in ${names.join(' ')}; do mount -o remount,rw,nosuid,nodev,noexec,bind ${mounted}/$name; done; exec /lib/systemd/systemd`

/** `nspawn` and its arguments, so that the machine is in these groups, which are its roots, and writes them. */
export function inControllers({ folders }: Controllers, nspawn: readonly string[]): string[] {
  const join = 'for group in "$0"/*/"$1"; do echo $$ >"$group/cgroup.procs"; done; shift; exec "$@"'
  const machine = folders[0]!.split('/').at(-1)!
  return ['sh', '-ec', join, mounted, machine, ...nspawn, '--kill-signal=SIGRTMIN+3', '/bin/sh', '-c', init]
}
