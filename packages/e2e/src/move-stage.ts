// What do tests of an app that moves between machines begin with? Two platforms, each with its admin, and an app of the first one.
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import { type Person, registered } from './client.ts'
import { type Platform, startPlatform } from './platform.ts'
import { soon } from './with-app.ts'

export type MoveStage = {
  readonly old: Platform
  readonly fresh: Platform
  /** Of the fresh one. */
  readonly eve: Person
  /** Of the old one, not deployed yet. */
  readonly shop: Checkout
  /** Exports it into a file, and brings that to eve, as a person would carry it. */
  moved(file: string, ...options: string[]): Promise<string>
}

/** For all tests of a file. `use` gets it, and may prepare more. */
export function withMoveStage(use: (stage: MoveStage) => Promise<void> | void): void {
  let platforms: Platform[] = []
  beforeAll(async () => {
    const [old, fresh] = await Promise.all([startPlatform(soon), startPlatform(soon)])
    platforms = [old, fresh]
    const [ann, eve] = await Promise.all([registered(old, 'ann'), registered(fresh, 'eve')])
    const shop = await newApp(ann, 'shop')
    const moved: MoveStage['moved'] = async (file, ...options) => {
      await shop.does('apps:export', '-o', file, ...options)
      const there = join(eve.home, file)
      await cp(join(shop.folder, file), there)
      return there
    }
    await use({ old, fresh, eve, shop, moved })
  })
  afterAll(async () => {
    for (const platform of platforms) await platform.stop()
  })
}
