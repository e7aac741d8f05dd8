// What keeps this machine from running the platform?
import { architectures, leastDisk, leastMemory } from '../doctor/machine.ts'
import { isOurs } from '../doctor/ports.ts'
import type { Facts } from '../machine/facts.ts'
import type { Listener } from '../machine/listeners.ts'

/** The oldest with every setting of the units. */
const leastSystemd = 249

/** All of them at once; each says what to do. `listeners`: those on the ports of the platform. */
export function refusals(
  facts: Facts,
  listeners: readonly Listener[],
  /** Apps are to run in an engine of this machine. */
  wantsDocker: boolean,
): string[] {
  const { root, systemd, arch, git, docker, memory, disks } = facts
  const when = (wrong: boolean, text: string): string[] => (wrong ? [text] : [])
  return [
    ...when(!root, 'only root can install services: repeat this with sudo'),
    ...when(systemd === null, 'systemd does not run this machine: there is nothing to run the services'),
    ...when(
      systemd !== null && systemd < leastSystemd,
      `systemd ${systemd} is too old: ${leastSystemd} or newer is needed (Debian 12, Ubuntu 22.04)`,
    ),
    ...when(!architectures.includes(arch), `processors of the kind ${arch} are not supported, only x64 and arm64`),
    ...when(git === null, 'git was not found: apt-get install git'),
    ...when(
      wantsDocker && docker === null,
      'no Docker Engine of 20.10 or newer answers: apt-get install docker.io, or systemctl start docker',
    ),
    ...when(memory.total + memory.swap < leastMemory, 'less than 1 GB of memory and swap together: add swap'),
    ...disks
      .filter(({ free }) => free < leastDisk)
      .map(({ path, free }) => `less than 5 GB are free on the disk of ${path} (${Math.round(free / 1024 ** 2)} MB)`),
    ...listeners
      .filter((listener) => !isOurs(listener))
      .map(({ port, program }) => `port ${port} is used by ${program ?? 'another program'}: stop it first`),
  ]
}
