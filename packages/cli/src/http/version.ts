// Which client is this, which API does it speak, and does a controller speak it too (docs/contract/cli.md §4.2)?
import manifest from '../../package.json' with { type: 'json' }

export const clientVersion = `v${manifest.version}`
export const apiVersion = '2.3'

/** Same major number, and a minor number that is not older; compared as numbers, so that 2.10 is newer than 2.3. */
export function speaksOurs(announced: string | undefined): boolean {
  const ours = apiVersion.split('.').map(Number)
  const theirs = (announced ?? '').split('.').map(Number)
  const [major = NaN, minor = NaN] = theirs
  return major === ours[0] && minor >= (ours[1] ?? 0)
}

/** A warning and no more: answers are used as they come. */
export function versionWarning(announced: string | undefined): string {
  return [
    '!    WARNING: this client and the controller speak different versions of the API; some commands may fail. Use versions that match.',
    `!    Client version: ${apiVersion}`,
    `!    Server version: ${announced ?? 'not announced'}`,
    '',
  ].join('\n')
}
