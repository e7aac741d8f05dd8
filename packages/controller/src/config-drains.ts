// To which servers may log lines be sent, and whose certificates count there?
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { messageOf } from '@deis/types'
import type { Reader } from './config-cluster.ts'
import { networkProblems } from './config-networks.ts'

/** `ca`: those of the file, and of the system; null: only the latter. */
export function readDrains({ text, list, problems }: Pick<Reader, 'text' | 'list' | 'problems'>): {
  networks: readonly string[]
  ca: string | null
} {
  const networks = list('DEIS_DRAIN_NETWORKS')
  problems.push(...networkProblems('DEIS_DRAIN_NETWORKS', networks))
  const file = text('DEIS_DRAIN_CA_FILE')
  if (file === '') return { networks, ca: null }
  try {
    return { networks, ca: [readFileSync(file, 'utf8'), ...rootCertificates].join('\n') }
  } catch (error) {
    problems.push(`DEIS_DRAIN_CA_FILE cannot be read: ${messageOf(error)}`)
    return { networks, ca: null }
  }
}
