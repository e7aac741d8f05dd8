// Does the installed platform run, as it was installed?
import type { Check } from '@deis/types'

export type Unit = {
  readonly name: string
  /** As systemd calls it: active, failed, inactive, … */
  readonly state: string
  readonly enabled: boolean
  readonly restarts: number
  /** The program that runs; null: none, or unknown. */
  readonly program: string | null
}

export type Platform = {
  /** The release that `current` leads to. */
  readonly release: string
  readonly units: readonly Unit[]
  /** Null: the API answers through the router. */
  readonly missed: string | null
}

const often = 5

function unitCheck({ name, state, enabled, restarts, program }: Unit, release: string): Check {
  const service = name.replace('.service', '')
  if (state !== 'active')
    return {
      name: service,
      status: 'limited',
      concern: 'broken',
      detail: `${state}: see journalctl -n 50 -u ${service}, then systemctl restart ${service}`,
    }
  if (program !== null && !program.startsWith(`${release}/`) && program.startsWith('/opt/deis/'))
    return { name: service, status: 'limited', detail: `runs ${program}, not ${release}: systemctl restart ${service}` }
  if (!enabled)
    return { name: service, status: 'limited', detail: `does not start with the machine: systemctl enable ${service}` }
  if (restarts >= often)
    return { name: service, status: 'limited', detail: `was restarted ${restarts} times: journalctl -u ${service}` }
  return { name: service, status: 'ok', detail: 'active' }
}

export function platformChecks({ release, units, missed }: Platform): Check[] {
  return [
    { name: 'release', status: 'ok', detail: release },
    ...units.map((unit) => unitCheck(unit, release)),
    missed === null
      ? { name: 'API', status: 'ok', detail: 'answers through the router' }
      : { name: 'API', status: 'limited', concern: 'broken', detail: `not reached through the router: ${missed}` },
  ]
}
