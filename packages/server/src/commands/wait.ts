// How long may it take until an installed platform answers?
import { nftStartMs } from '@deis/machine/firewall'
import { InvalidArgumentError, Option } from 'commander'

/** Longer than a first start waits for nft, which is the longest that it waits for anything. */
export const usualSeconds = nftStartMs / 1000 + 60
/** Nothing is loaded for the first time then, and the sooner one that does not come up goes back, the shorter its API is away. */
export const upgradeSeconds = 60

function secondsOf(text: string): number {
  if (!/^\d{1,4}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('It must be a whole number from 1 to 9999.')
  return Number(text)
}

export function waitOption(seconds: number): Option {
  const description = 'how long it may take until the platform answers'
  return new Option('--wait <seconds>', description).argParser(secondsOf).default(seconds)
}
