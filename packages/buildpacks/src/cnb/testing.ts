// What do tests take for a builder and its labels?
import type { ImageFacts } from '@deis/ports/registry'
import { builderFacts, type BuilderFacts } from './builder-facts.ts'

export const metadata = {
  description: 'a builder',
  buildpacks: [
    { id: 'heroku/nodejs', version: '5.7.6', homepage: 'https://example.com' },
    { id: 'heroku/procfile', version: '4.2.1' },
  ],
  stack: { runImage: { image: 'heroku/heroku:24', mirrors: null } },
  images: [{ image: 'heroku/heroku:24', mirrors: ['public.example.com/heroku/heroku:24'] }],
  lifecycle: {
    version: '0.21.12',
    api: { buildpack: '0.7', platform: '0.7' },
    apis: {
      buildpack: { deprecated: [], supported: ['0.7', '0.12'] },
      platform: { deprecated: [], supported: ['0.7', '0.8', '0.12', '0.13', '0.14', '0.15'] },
    },
  },
  createdBy: { name: 'pack', version: '0.40.0' },
}

const order = [
  {
    group: [
      { id: 'heroku/nodejs', version: '5.7.6' },
      { id: 'heroku/procfile', version: '4.2.1', optional: true },
    ],
  },
]

/** An image with these changes of the labels; null: without that label. */
export function builderImage(
  changes: Readonly<Record<string, unknown>> = {},
  env: readonly string[] = ['PATH=/bin', 'CNB_USER_ID=1001', 'CNB_GROUP_ID=1002'],
): ImageFacts {
  const labels = {
    'io.buildpacks.builder.metadata': metadata,
    'io.buildpacks.buildpack.order': order,
    'io.buildpacks.buildpack.order-extensions': null,
    ...changes,
  }
  return {
    reference: `docker.io/heroku/builder@sha256:${'1'.repeat(64)}`,
    digest: `sha256:${'1'.repeat(64)}`,
    ports: [],
    entrypoint: [],
    cmd: [],
    user: '1001:1002',
    env,
    workingDir: '/layers',
    labels: Object.fromEntries(
      Object.entries(labels)
        .filter(([, value]) => value !== null)
        .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
  }
}

export const testFacts = (changes: Readonly<Record<string, unknown>> = {}): BuilderFacts =>
  builderFacts('heroku/builder:24', builderImage(changes))

/** A builder whose lifecycle has these Platform APIs only. */
export const withApis = (supported: readonly string[]): Readonly<Record<string, unknown>> => ({
  'io.buildpacks.builder.metadata': {
    ...metadata,
    lifecycle: { ...metadata.lifecycle, apis: { platform: { deprecated: null, supported } } },
  },
})
