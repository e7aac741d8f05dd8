// What does every view have: the API as the signed-in user, and where the platform's apps are?
import type { Platform } from '@deis/types'
import type { Client } from './client.ts'

export type Context = {
  readonly client: Client
  readonly username: string
  readonly platform: Platform
}
