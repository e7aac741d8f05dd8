// Which entries of a setting are not networks?
import { isNetwork } from '@deis/lib/networks'

export function networkProblems(name: string, entries: readonly string[]): string[] {
  return entries
    .filter((one) => !isNetwork(one))
    .map((one) => `${name} must be a list of addresses and networks; ${JSON.stringify(one)} is not one`)
}
