// Are the rules of upgrading right?
import { expect, test } from 'vitest'
import { databaseFile, newMigrations, outdated } from './rules.ts'

test.each([
  [undefined, '/var/lib/deis/state/deis.db'],
  ['', '/var/lib/deis/state/deis.db'],
  ['file:/srv/deis.db', '/srv/deis.db'],
  ['postgres://deis@db/deis', null],
])('the database of %j', (url, file) => {
  expect(databaseFile(url, '/var/lib/deis')).toBe(file)
})

test.each([
  [['0001_a'], ['0001_a'], []],
  [['0001_a'], ['0001_a', '0002_b', 'migration_lock.toml'], ['0002_b']],
  // Back to an older release: nothing new.
  [['0001_a', '0002_b'], ['0001_a'], []],
])('from migrations %j to %j', (old, next, found) => {
  expect(newMigrations(old, next)).toEqual(found)
})

test('the newest releases stay, and those in use', () => {
  const releases = ['a', 'b', 'c', 'd', 'e'].map((name, time) => ({ name, time }))
  expect(outdated(releases, ['a'], 3)).toEqual(['b'])
  expect(outdated(releases, ['d', 'e'], 3)).toEqual(['a', 'b'])
  expect(outdated([], [], 3)).toEqual([])
})
