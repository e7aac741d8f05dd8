// What is a backend? A scheduler, a builder and a registry that belong together.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Builder } from './builder.ts'
import type { Registry } from './registry.ts'
import type { Scheduler } from './scheduler.ts'
import type { SlugStore } from './slugs.ts'

/** How a backend logs. */
export type Log = (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, unknown>>) => void

export type Backend = {
  readonly scheduler: Scheduler
  readonly builder: Builder
  /** Null where no images run. */
  readonly registry: Registry | null
  /** Null where no slugs run. */
  readonly slugs: SlugStore | null
  /** Takes requests that are not part of the API; returns whether it did. */
  readonly intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | null
  /** To be called after the scheduler was closed. */
  close(): Promise<void>
}
