// Which app does a proof try, and with which command, so that nothing of it runs?
import { expect, test } from 'vitest'
import type { ManifestApp } from '../format/manifest.ts'
import { chosenApp, harmlessCommand } from './app.ts'

test.each([
  [{ web: 'node server.js' }, 'command -v node'],
  [{ worker: 'bin/jobs', web: 'exec ./bin/rails server -p $PORT' }, 'command -v ./bin/rails'],
  [{ web: 'RACK_ENV=production bundle exec puma' }, 'command -v bundle'],
  [{ worker: 'python3 -m jobs' }, 'command -v python3'],
  // What is more than a word is not taken apart: a shell would.
  [{ web: '$(rm -rf x)' }, 'true'],
  [{ web: '"a b" c' }, 'true'],
  [{ web: 'node;id' }, 'true'],
  [{ web: '-p x' }, 'true'],
  [{}, 'true'],
])('%j: %s', (procfile, command) => expect(harmlessCommand(procfile)).toBe(command))

test('each app has its turn, and those without a slug have none', () => {
  const app = (id: string, artifact: string | null): ManifestApp => ({
    uuid: id,
    id,
    releases: 1,
    version: 2,
    artifact,
    repository: null,
  })
  const slug = `sha256:${'0'.repeat(64)}`
  const apps = [app('a', slug), app('b', null), app('c', slug), app('d', 'host/image@sha256:0')]
  const at = (second: number) => chosenApp({ apps, createdAt: new Date(second * 1000).toISOString() })
  expect([at(0), at(1), at(2), at(3)]).toEqual(['a', 'c', 'a', 'c'])
  expect(chosenApp({ apps: [], createdAt: new Date(0).toISOString() })).toBeNull()
})
