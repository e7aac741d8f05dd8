// Where may pods of apps and builds not send to, wherever else they may?
import type { NetworkPolicy } from '../client/objects.ts'

type Rules = NonNullable<NonNullable<NetworkPolicy['spec']>['egress']>

/** What a cloud tells its own machines there, credentials of the node included, is not for apps. */
const metadata = ['169.254.169.254/32', 'fd00:ec2::254/128']

const isV6 = (block: string): boolean => block.includes(':')

/** The world but those blocks, and every pod: some networks do not count pods among addresses, and DNS runs in pods. */
export function egressBut(blocked: readonly string[]): Rules {
  const all = [...new Set([...metadata, ...blocked])]
  return [
    {
      to: [
        { ipBlock: { cidr: '0.0.0.0/0', except: all.filter((block) => !isV6(block)) } },
        { ipBlock: { cidr: '::/0', except: all.filter(isV6) } },
        { namespaceSelector: {} },
      ],
    },
  ]
}
