// Is a name tried at the CA's staging first, whose limits are larger?
import type * as Row from '../../store/generated/sqlite/client.ts'

/** Failures that are about the name and its DNS: the CA itself would fail in the same way, and count it. */
const aboutName = new Set([
  'unauthorized',
  'connection',
  'dns',
  'caa',
  'tls',
  'incorrectResponse',
  'rejectedIdentifier',
  'preflight',
  'dns-hook',
])

/** Others, such as a staging that is down, say nothing about what the CA would do. */
export const isAboutName = (type: string): boolean => aboutName.has(type)

/** A name that has never had a certificate, and one whose renewal was refused. */
export function isTrialDue(row: Pick<Row.AcmeName, 'stagedAt' | 'certificate' | 'errorType'>): boolean {
  if (row.stagedAt !== null) return false
  return row.certificate === null || (row.errorType !== null && isAboutName(row.errorType))
}
