// Does docs/settings.md have every setting that the programs read, with the right values?
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sections, settings } from '@deis/types/environment'
import { settingsDocument } from '@deis/types/environment/document'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

test('docs/settings.md is up to date; `node scripts/settings.mjs` writes it again', () => {
  expect(read('docs/settings.md')).toBe(settingsDocument())
})

test('every setting is in one section', () => {
  const named = sections.flatMap((section) => Object.keys(section.settings))
  expect(named.toSorted()).toEqual(Object.keys(settings).toSorted())
})

/** Kubernetes sets these in every pod. */
const addressOfService = /_SERVICE_(HOST|PORT)$/

test('whatever the programs and the manifests call a setting is one', () => {
  const manifests = readdirSync(join(root, 'packages/install'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `packages/install/${name}`)
  const programs = ['controller/src/config.ts', 'controller/src/config-cluster.ts', 'router/src/config.ts']
  const files = [...programs.map((name) => `packages/${name}`), 'scripts/start.mjs', ...manifests]
  const words = files.flatMap((file) => read(file).match(/\b(?:DEIS|KUBERNETES)_[A-Z_]+[A-Z]\b/g) ?? [])
  expect([...new Set(words)].filter((word) => !Object.hasOwn(settings, word) && !addressOfService.test(word))).toEqual(
    [],
  )
})
