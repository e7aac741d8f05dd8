// What can this backend do on this machine, and what can it not (docs/architecture.md, principle 6)?
import type { Capabilities } from '@deis/ports/scheduler'
import type { Backend } from './backend.ts'

export function capabilitiesOf({ options, ports }: Backend): Capabilities {
  const { accounts, firewall, isolation, limits, shell } = options
  const free = ports.size - ports.taken()
  return {
    cluster: false,
    slugs: true,
    images: false,
    memoryLimits: limits.enforced,
    cpuLimits: limits.enforced,
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
        ...(limits.enforced
          ? { status: 'ok', detail: limits.reason }
          : {
              status: 'missing',
              detail: `memory and CPU limits are refused: ${limits.reason}; run the platform on Docker for them`,
            }),
      },
      {
        name: 'autoscaling',
        status: 'missing',
        detail: 'tags and autoscaling are refused: run the platform on Kubernetes for those',
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
