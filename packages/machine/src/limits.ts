// How is what a program takes of this machine limited: by a scope of systemd, where that can?
import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { promisify } from 'node:util'
import joinProgram from './programs/join.sh'

/** Of memory in bytes, of CPU in cores; null: none. A request is what it gets when others want all. */
export type Share = { readonly request: number | null; readonly limit: number | null }
export type Shares = { readonly memory: Share; readonly cpu: Share }

export type Limits = {
  readonly enforced: boolean
  /** What is limited, or why nothing is. */
  readonly reason: string
  /** What comes before a program and its arguments so that it, and all that it starts, are one scope with these limits. */
  scope(name: string, shares: Shares): readonly string[]
  /** The same for a program that counts as part of the scope of this process. */
  join(pid: number): readonly string[]
}

export const noLimits = (reason: string): Limits => ({
  enforced: false,
  reason,
  scope: () => [],
  join: () => [],
})

/** A fork bomb ends here, and hurts its app only. */
const maxProcesses = 4096
const defaultWeight = 100

function properties({ memory, cpu }: Shares): string[] {
  const weight = (request: number): number => Math.min(10_000, Math.max(1, Math.round(request * defaultWeight)))
  return [
    `TasksMax=${maxProcesses}`,
    // With the machine all of them end at once, and none of them is waited for long.
    'TimeoutStopSec=30',
    ...(memory.limit === null ? [] : [`MemoryMax=${memory.limit}`, 'MemorySwapMax=0']),
    ...(memory.request === null ? [] : [`MemoryLow=${Math.min(memory.request, memory.limit ?? memory.request)}`]),
    ...(cpu.limit === null ? [] : [`CPUQuota=${Math.max(1, Math.round(cpu.limit * 100))}%`]),
    ...(cpu.request === null ? [] : [`CPUWeight=${weight(cpu.request)}`]),
  ]
}

/** Pure: the arguments. `more`: further properties. */
export function scopeArguments(name: string, shares: Shares, more: readonly string[] = []): string[] {
  return [
    'systemd-run',
    '--scope',
    '--quiet',
    '--collect',
    '--slice=deis-apps.slice',
    `--unit=${name}`,
    ...[...properties(shares), ...more].map((property) => `--property=${property}`),
    '--',
  ]
}

const run = promisify(execFile)
const trialMs = 10_000
const trialShares = { memory: { request: null, limit: 64 * 2 ** 20 }, cpu: { request: null, limit: 0.5 } }
const trial =
  'IFS=: read -r _ _ group </proc/self/cgroup && cd "/sys/fs/cgroup$group" && cat memory.max cpu.max pids.max'
/** The same for cgroup v1, which has a hierarchy for each kind. */
const legacyTrial = `while IFS=: read -r _ names group; do
  cd "/sys/fs/cgroup/\${names%%,*}$group" 2>/dev/null || continue
  case $names in
    memory) memory=$(cat memory.limit_in_bytes) ;;
    cpu | cpu,*) cpu="$(cat cpu.cfs_quota_us) $(cat cpu.cfs_period_us)" ;;
    pids) pids=$(cat pids.max) ;;
  esac
done </proc/self/cgroup
printf '%s\\n' "$memory" "$cpu" "$pids"`
const trialFound = `${trialShares.memory.limit}\n50000 100000\n${maxProcesses}\n`

const everything = 'memory, CPU and the number of processes of each process of an app are limited, by systemd'
const kinds = [
  { test: trial, reason: everything },
  { test: legacyTrial, reason: `${everything} with cgroup v1, where memory that is swapped out does not count` },
]

/** Since systemd 253 it would end all of a scope of which the kernel has killed one process. */
const continues = 'OOMPolicy=continue'

/** Tries it: what the kernel says then counts. `path`: of the system's own tools. */
export async function openLimits(path: string): Promise<Limits> {
  if (process.getuid?.() !== 0) return noLimits('only root can limit what apps take')
  if ((await stat('/run/systemd/system').catch(() => null)) === null)
    return noLimits('systemd does not run this machine, so nothing limits what apps take')
  let problem = ''
  const tries = kinds.flatMap((kind) => [[continues], []].map((more) => ({ ...kind, more })))
  for (const [number, { test, reason, more }] of tries.entries()) {
    const [file = '', ...args] = scopeArguments(`deis-trial-${process.pid}-${number}`, trialShares, more)
    try {
      const { stdout } = await run(file, [...args, '/bin/sh', '-c', test], {
        env: { PATH: path },
        cwd: '/',
        timeout: trialMs,
      })
      if (stdout === trialFound)
        return {
          enforced: true,
          reason,
          scope: (name, shares) => scopeArguments(name, shares, more),
          join: (pid) => ['/bin/sh', '-c', joinProgram, 'deis', String(pid)],
        }
      problem = 'the kernel does not apply the limits that systemd sets'
    } catch (error) {
      const { stderr } = error as { stderr?: string }
      problem = (stderr?.trim() || (error as Error).message).slice(0, 300)
    }
  }
  return noLimits(`systemd does not limit what apps take (cgroups with memory, cpu and pids are needed): ${problem}`)
}
