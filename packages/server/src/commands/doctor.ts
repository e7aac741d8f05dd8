// Is this machine ready for the platform, and is the platform on it healthy?
import type { Check } from '@deis/types'
import { Command } from 'commander'
import { machineChecks } from '../doctor/machine.ts'
import { portChecks, publicPorts } from '../doctor/ports.ts'
import type { Io } from '../io.ts'
import { readFacts } from '../machine/facts.ts'
import { listenersOn } from '../machine/listeners.ts'

/** Columns as `deis doctor` prints them. */
function doctorLines(checks: readonly Check[]): string[] {
  const width = Math.max(0, ...checks.map(({ name }) => name.length))
  return checks.map(({ status, name, detail }) => `${status.padEnd(9)}${name.padEnd(width + 2)}${detail}`.trimEnd())
}

async function examine(): Promise<Check[]> {
  const [facts, listeners] = await Promise.all([
    readFacts(['/opt', '/var/lib']),
    listenersOn(Object.keys(publicPorts).map(Number)),
  ])
  return [...machineChecks(facts), ...portChecks(listeners)]
}

export function doctor(io: Io, failed: () => void): Command {
  return new Command('doctor')
    .description('check this machine and the platform on it; the exit code is 1 if something is broken')
    .option('--json', 'print the checks as JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      const checks = await examine()
      if (json) io.out(JSON.stringify({ checks }, null, 2))
      else for (const line of doctorLines(checks)) io.out(line)
      if (checks.some(({ concern }) => concern === 'broken')) failed()
    })
}
