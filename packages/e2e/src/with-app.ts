// What do most tests on one machine begin with? A platform, a user with a key, and an app with a repository.
import { afterAll, beforeAll } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'

export type WithUser = { readonly platform: Platform; readonly ann: Person }
export type WithApp = WithUser & { readonly shop: Checkout }

/** Processes and pushes end soon, so that tests do not wait for them. */
export const soon = {
  KUBERNETES_POD_TERMINATION_GRACE_PERIOD_SECONDS: '2',
  DEIS_DRAIN_SECONDS: '2',
  DEIS_PUSH_END_SECONDS: '2',
}

/** For all tests of a file: a platform with the admin ann, who has a key. `use` gets them, and may prepare more. */
export function withUser(use: (given: WithUser) => Promise<void> | void): void {
  let platform: Platform | undefined
  beforeAll(async () => {
    platform = await startPlatform(soon)
    await use({ platform, ann: await registered(platform, 'ann') })
  })
  afterAll(() => platform?.stop())
}

/** The same, with her app "shop", which is not deployed yet. */
export function withApp(use: (given: WithApp) => Promise<void> | void): void {
  withUser(async ({ platform, ann }) => use({ platform, ann, shop: await newApp(ann, 'shop') }))
}
