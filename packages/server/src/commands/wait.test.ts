// Does an installation wait longer than a first start may take?
import { expect, test } from 'vitest'
import { nftStartMs } from '@deis/machine/firewall'
import { usualSeconds } from './wait.ts'

test('the kernel may take long to load what nft needs, and then the rest is started', () => {
  expect(usualSeconds).toBeGreaterThanOrEqual(nftStartMs / 1000 + 60)
})
