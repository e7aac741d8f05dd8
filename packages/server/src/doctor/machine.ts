// Is this machine fit for the platform?
import type { Check } from '@deis/types'
import type { Facts } from '../machine/facts.ts'

const gigabyte = 1024 ** 3
/** An installation with a few small apps; a build of Node.js needs more for its time. */
export const leastMemory = 0.9 * gigabyte
export const leastDisk = 5 * gigabyte
export const architectures: readonly string[] = ['x64', 'arm64']

const size = (bytes: number): string =>
  bytes >= gigabyte ? `${(bytes / gigabyte).toFixed(1)} GB` : `${Math.round(bytes / 1024 ** 2)} MB`

function memory({ total, available, swap }: Facts['memory']): Check {
  const detail = `${size(total)}, ${size(available)} available, ${size(swap)} of swap`
  if (total + swap < leastMemory)
    return { name: 'memory', status: 'limited', concern: 'broken', detail: `${detail}: 1 GB is the least` }
  if (available + swap < leastMemory / 4)
    return { name: 'memory', status: 'limited', detail: `${detail}: builds may be killed` }
  return { name: 'memory', status: 'ok', detail }
}

function disk({ path, free, total }: Facts['disks'][number]): Check {
  const detail = `${path}: ${size(free)} of ${size(total)} free`
  if (free < leastDisk / 10)
    return { name: 'disk', status: 'limited', concern: 'broken', detail: `${detail}: delete something` }
  if (free < leastDisk || free < total / 20)
    return { name: 'disk', status: 'limited', detail: `${detail}: builds and pushes need space` }
  return { name: 'disk', status: 'ok', detail }
}

function clock(synchronized: Facts['clockSynchronized']): Check {
  if (synchronized === true) return { name: 'clock', status: 'ok', detail: 'synchronized' }
  const remedy = 'install and start a time service such as systemd-timesyncd or chrony: logins and certificates need it'
  return {
    name: 'clock',
    status: 'limited',
    detail: `${synchronized === null ? 'unknown' : 'not synchronized'}; ${remedy}`,
  }
}

/** What apps are to run in; null: nothing is installed. */
export type Backend = { readonly scheduler: string; readonly dockerHost: string | null } | null

function engine(version: Facts['docker'], backend: Backend): Check {
  const name = 'docker'
  if (version !== null) return { name, status: 'ok', detail: `engine ${version}` }
  if (backend?.scheduler !== 'docker')
    return {
      name,
      status: 'missing',
      detail: 'no Docker Engine of 20.10 or newer answers: apps run as processes of this machine',
    }
  if (backend.dockerHost !== null)
    return {
      name,
      status: 'ok',
      detail: `apps run in that of DEIS_DOCKER_HOST, ${backend.dockerHost}: see deis doctor`,
    }
  return {
    name,
    status: 'missing',
    concern: 'broken',
    detail: 'no Docker Engine of 20.10 or newer answers, and apps are to run in one: systemctl start docker',
  }
}

/** In the order in which they are printed. */
export function machineChecks(facts: Facts, backend: Backend): Check[] {
  const { systemd, git, docker, nft } = facts
  return [
    {
      name: 'system',
      status: architectures.includes(facts.arch) ? 'ok' : 'limited',
      detail: `${facts.system}, ${facts.arch}, Node.js ${facts.node}`,
    },
    systemd === null
      ? {
          name: 'systemd',
          status: 'missing',
          detail: 'systemd does not run this machine: install cannot start services',
        }
      : { name: 'systemd', status: 'ok', detail: `version ${systemd}` },
    git === null
      ? { name: 'git', status: 'missing', concern: 'broken', detail: 'not found: apt-get install git' }
      : { name: 'git', status: 'ok', detail: `version ${git}` },
    engine(docker, backend),
    ...(backend?.scheduler !== 'docker' && docker === null && !nft
      ? [
          {
            name: 'nft',
            status: 'missing' as const,
            detail: 'the ports of apps are open to this machine and its network: apt-get install nftables',
          },
        ]
      : []),
    memory(facts.memory),
    ...facts.disks.map(disk),
    clock(facts.clockSynchronized),
  ]
}
