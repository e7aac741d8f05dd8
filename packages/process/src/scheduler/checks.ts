// What can this backend do on this machine, and what can it not (docs/architecture.md, principle 6)?
import type { Capabilities } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'

export function capabilitiesOf({ options, ports }: Backend): Capabilities {
  const { accounts, firewall, isolation, shell } = options
  const free = ports.size - ports.taken()
  return {
    cluster: false,
    slugs: true,
    images: false,
    memoryLimits: false,
    cpuLimits: false,
    tags: false,
    healthchecks: true,
    autoscale: false,
    freeProcesses: free,
    podsOnly: true,
    checks: async () => [
      { name: 'isolation', status: accounts.isolated ? 'ok' : 'limited', detail: accounts.reason },
      { name: 'processes', status: isolation.kind === 'group' ? 'limited' : 'ok', detail: isolation.detail },
      {
        name: 'limits',
        status: 'missing',
        detail:
          'memory and CPU limits, tags and autoscaling are refused: run the platform on Docker for limits, on Kubernetes for all of them',
      },
      {
        name: 'images',
        status: 'missing',
        detail: 'images and Dockerfiles are refused: push source code, or run the platform on Docker or Kubernetes',
      },
      {
        name: 'ports',
        ...(free > 0 ? { status: 'ok' } : { status: 'limited', concern: 'broken' }),
        detail: `${free} of ${ports.size} ports for processes are free (${options.ports.first} to ${options.ports.last})`,
      },
      {
        name: 'firewall',
        ...(firewall.active ? { status: 'ok' } : { status: 'limited', concern: 'exposed' }),
        detail: firewall.reason,
      },
      {
        name: 'shell',
        status: /(^|\/)bash$/.test(shell) ? 'ok' : 'limited',
        detail: /(^|\/)bash$/.test(shell)
          ? `commands are run by ${shell}`
          : `commands are run by ${shell}: those that need bash fail until it is installed`,
      },
    ],
  }
}
