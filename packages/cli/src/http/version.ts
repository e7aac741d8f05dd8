// Which versions do client and API have, and does a controller match them (docs/contract/cli.md §4.2)?
import manifest from '../../package.json' with { type: 'json' }

export const clientVersion = `v${manifest.version}`
export const apiVersion = '2.3'

/** The same major number, and a minor number that is not older; compared as numbers: 2.10 is newer than 2.3. */
export function isCompatible(announced: string | undefined): boolean {
  const ours = apiVersion.split('.').map(Number)
  const theirs = (announced ?? '').split('.').map(Number)
  const [major = NaN, minor = NaN] = theirs
  return major === ours[0] && minor >= (ours[1] ?? 0)
}

/** Only a warning: answers are used as they come. */
export function versionWarning(announced: string | undefined): string {
  return [
    '!    WARNING: client and controller have different API versions, and some commands may fail. Use matching versions.',
    `!    Client version: ${apiVersion}`,
    `!    Server version: ${announced ?? 'not announced'}`,
    '',
  ].join('\n')
}
