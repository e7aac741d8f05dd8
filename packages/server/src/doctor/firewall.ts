// Does a firewall of the machine close the ports of the platform?
import type { Check } from '@deis/types'

export type Firewalls = {
  /** What `ufw status` prints; empty: there is none. */
  readonly ufw: string
  /** What `firewall-cmd --list-all` prints; empty: there is none, or it is off. */
  readonly firewalld: string
}

/** Services of firewalld that open these ports. */
const services: Readonly<Record<number, string>> = { 80: 'http', 443: 'https' }

export function firewallChecks({ ufw, firewalld }: Firewalls, ports: readonly number[]): Check[] {
  const closed = (open: (port: number) => boolean): number[] => ports.filter((port) => !open(port))
  const check = (name: string, missing: readonly number[], command: (port: number) => string): Check =>
    missing.length === 0
      ? { name, status: 'ok', detail: `lets ${ports.join(', ')} through` }
      : {
          name,
          status: 'limited',
          detail: `seems to close ${missing.join(', ')}: ${missing.map(command).join(' && ')}`,
        }
  return [
    ...(/^Status: active$/m.test(ufw)
      ? [
          check(
            'ufw',
            closed((port) => new RegExp(`^${port}(/tcp)?\\s+ALLOW`, 'm').test(ufw)),
            (port) => `ufw allow ${port}/tcp`,
          ),
        ]
      : []),
    ...(firewalld !== ''
      ? [
          check(
            'firewalld',
            closed(
              (port) =>
                new RegExp(`^\\s*ports:.*\\b${port}/tcp`, 'm').test(firewalld) ||
                (services[port] !== undefined &&
                  new RegExp(`^\\s*services:.*\\b${services[port]}( |$)`, 'm').test(firewalld)),
            ),
            (port) => `firewall-cmd --permanent --add-port=${port}/tcp`,
          ),
        ]
      : []),
  ]
}
