// What is the backend of a controller in quarantine? One that runs nothing, builds nothing and reaches nobody.
import { DeisError } from '@deis/types'
import type { Backend } from '@deis/ports/backend'
import { direct } from '@deis/ports/direct'

const refuse = (): Promise<never> =>
  Promise.reject(
    new DeisError('unavailable', 'This controller is in quarantine: it shows what is stored and changes no app.', {
      hint: 'Stop it, and start it without DEIS_QUARANTINE.',
    }),
  )

/** A platform that was restored can be looked at while the one that it is a copy of still runs. */
export function quarantineBackend(): Backend {
  return {
    scheduler: {
      name: 'quarantine',
      ...direct(() => []),
      capabilities: async () => ({
        slugs: true,
        images: true,
        memoryLimits: true,
        cpuLimits: true,
        tags: true,
        healthchecks: true,
        autoscale: true,
        cluster: false,
        podsOnly: true,
        checks: async () => [
          { name: 'scheduler', status: 'limited', detail: 'in quarantine (DEIS_QUARANTINE): no app runs' },
        ],
      }),
      apply: refuse,
      resume: refuse,
      observe: async () => [],
      restart: refuse,
      run: refuse,
      open: refuse,
      exec: refuse,
      logs: async () => [],
      follow: async () => [],
      remove: refuse,
      onChange: () => () => {},
      close: async () => {},
    },
    builder: {
      name: 'quarantine',
      expect: () => {},
      build: refuse,
      recover: async () => {},
      prune: async () => {},
      forget: refuse,
      checks: async () => [],
    },
    registry: null,
    slugs: null,
    intercept: null,
    close: async () => {},
  }
}
