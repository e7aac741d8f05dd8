// Whose account pulls the image of an app?
import { expect, test } from 'vitest'
import { credentialsFor } from './running.ts'

const own = { username: 'ann', password: 'secret' }
const platforms = { username: 'deis', password: 'of the platform' }
const digest = `@sha256:${'0'.repeat(64)}`
const elsewhere = `registry.example.com/tea${digest}`

test.each([
  ['that of the image, by default', elsewhere, own, own],
  ['Docker Hub, for an image of it', `ann/tea${digest}`, own, own],
  ['named', elsewhere, { ...own, hostname: 'registry.example.com' }, own],
  ['another one', elsewhere, { ...own, hostname: 'other.example.com' }, null],
  ['Docker Hub, for an image from elsewhere', elsewhere, { ...own, hostname: 'index.docker.io' }, null],
  ['none', elsewhere, {}, null],
  ['that of the platform, for what it built', `platform.example.com/app${digest}`, own, platforms],
  [
    'that of the platform, by its name',
    `platform.example.com/app${digest}`,
    { ...own, hostname: 'platform.example.com' },
    own,
  ],
  ['none, as the engine has it', `sha256:${'0'.repeat(64)}`, own, null],
])('the registry is %s', (_, reference, registry, expected) => {
  const artifact = { kind: 'image', reference, launcher: 'none' } as const
  expect(credentialsFor({ artifact, registry }, { 'platform.example.com': platforms })).toEqual(expected)
})
