// What of the platform is installed on this machine, and what of it runs?
import { readlink } from 'node:fs/promises'
import { lookup } from 'node:dns/promises'
import { missedBy } from '../act/reach.ts'
import type { Firewalls } from '../doctor/firewall.ts'
import type { Name } from '../doctor/names.ts'
import type { Platform, Unit } from '../doctor/platform.ts'
import { layout, unitNames } from '../layout.ts'
import { ask } from './ask.ts'

async function unitOf(name: string): Promise<Unit> {
  const names = ['ActiveState', 'UnitFileState', 'NRestarts', 'MainPID']
  const { stdout } = await ask(['systemctl', 'show', ...names.map((one) => `--property=${one}`), '--', name])
  const property = (wanted: string): string =>
    stdout
      .split('\n')
      .find((line) => line.startsWith(`${wanted}=`))
      ?.slice(wanted.length + 1) ?? ''
  const pid = property('MainPID')
  return {
    name,
    state: property('ActiveState') || 'unknown',
    enabled: property('UnitFileState') === 'enabled',
    restarts: Number(property('NRestarts')) || 0,
    program: pid === '0' ? null : await readlink(`/proc/${pid}/exe`).catch(() => null),
  }
}

/** Null: it is not installed. `url` and `host`: where the router serves the API. */
export async function readPlatform(url: string, host: string, signal: AbortSignal): Promise<Platform | null> {
  const release = await readlink(layout.current).catch(() => null)
  if (release === null) return null
  const [missed, ...units] = await Promise.all([missedBy(url, host, signal), ...unitNames.map(unitOf)])
  return { release, units, missed }
}

export async function readName(name: string): Promise<Name> {
  const found = await lookup(name, { all: true }).catch(() => [])
  return { name, found: found.map(({ address }) => address) }
}

export async function readFirewalls(): Promise<Firewalls> {
  const [ufw, firewalld] = await Promise.all([ask(['ufw', 'status']), ask(['firewall-cmd', '--list-all'])])
  return { ufw: ufw.code === 0 ? ufw.stdout : '', firewalld: firewalld.code === 0 ? firewalld.stdout : '' }
}
