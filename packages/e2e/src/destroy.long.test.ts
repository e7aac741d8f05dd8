// What is left of an app that was destroyed? Nothing, and its name is free.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Build } from '@deis/types'
import { expect, test } from 'vitest'
import { type Checkout, newApp } from './app.ts'
import type { Person } from './client.ts'
import { heldBuild, newBarrier } from './barrier.ts'
import { ask, callApi, self, serving } from './http.ts'
import type { Platform } from './platform.ts'
import { processesAround, shown } from './processes.ts'
import { withUser } from './with-app.ts'

let platform: Platform
let ann: Person

withUser((given) => void ({ platform, ann } = given))

async function processesOf(app: string): Promise<string[]> {
  const found = await processesAround(platform.dataDir)
  return shown(found.filter(({ env, command }) => env['DEIS_APP'] === app || command.includes(app)))
}

/** Paths in the data folder, and small text files, in which one of the words is found. */
async function traces(words: readonly string[]): Promise<string[]> {
  const entries = await readdir(platform.dataDir, { recursive: true, withFileTypes: true })
  const found = entries.map(({ parentPath, name }) => join(parentPath, name))
  const named = found.filter((path) => words.some((word) => path.slice(platform.dataDir.length).includes(word)))
  const inside: string[] = []
  for (const [index, entry] of entries.entries()) {
    const path = found[index] ?? ''
    // The database has pages that it does not use any more.
    if (!entry.isFile() || path.startsWith(join(platform.dataDir, 'state'))) continue
    // A file may have been replaced since it was listed.
    const content = await readFile(path, 'latin1').catch(() => '')
    if (words.some((word) => content.includes(word))) inside.push(`${path} (its content)`)
  }
  return [...named, ...inside]
}

/** The names of an app's slugs. */
async function digestsOf({ app }: Checkout): Promise<string[]> {
  const { body } = await callApi(platform, await ann.token(), 'GET', `/v2/apps/${app}/builds/`)
  return (JSON.parse(body) as { results: Build[] }).results.map(({ image }) => image.replace('sha256:', ''))
}

test('an app that runs goes with its processes, files, users and repository; its name is usable again', async () => {
  const files = {
    'bin/pre-compile': '#!/bin/sh\necho kept > "$2/kept"\n',
    'unlikely.txt': 'only in this app',
  }
  const doomed = await newApp(ann, 'doomed-zebra')
  const other = await newApp(ann, 'other')
  await doomed.deploy(files)
  await other.deploy()
  await doomed.does('scale', 'web=2', 'worker=1')
  await doomed.does('run', 'true')
  await doomed.does('config:set', 'GREETING=x')
  const digests = await digestsOf(doomed)
  expect(digests.every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(true)
  const words = ['doomed-zebra', ...digests]
  expect(await processesOf('doomed-zebra')).not.toEqual([])
  // What is looked for below can be found at all.
  expect((await traces(words)).length).toBeGreaterThan(10)
  expect(await traces(digests)).not.toEqual([])
  const { uid } = await self(platform, 'doomed-zebra')

  expect(await doomed.deis('destroy')).toMatchObject({ code: 1 })
  expect(await doomed.deis('destroy', '--confirm', 'other')).toMatchObject({ code: 1 })
  await serving(platform, 'doomed-zebra', { release: 'v3' })
  expect(await doomed.does('destroy', '--confirm', 'doomed-zebra')).toMatch(/^Destroying doomed-zebra\.\.\.\ndone in /)

  expect(await processesOf('doomed-zebra')).toEqual([])
  if (uid !== process.getuid?.()) expect((await processesAround('/')).filter((one) => one.uid === uid)).toEqual([])
  expect(await traces(words)).toEqual([])
  expect(await ask(platform, 'doomed-zebra')).toMatchObject({ status: 404 })
  expect(await ann.does(['apps'])).toBe('=== Apps\nother\n')
  expect(await ann.git(['remote'], doomed.folder)).toMatchObject({ stdout: '' })
  await serving(platform, 'other', { release: 'v2' })

  await doomed.does('create', 'doomed-zebra')
  expect(await doomed.push()).toMatchObject({ code: 0 })
  await serving(platform, 'doomed-zebra', { release: 'v2', greeting: null })
})

test('an app is destroyed in the middle of a build, whose push says so', async () => {
  const barrier = await newBarrier(platform, 'destroyed')
  const doomed = await newApp(ann, 'halfbuilt-zebra')
  await doomed.commit(heldBuild(barrier))
  const push = doomed.startPush()
  await barrier.arrived()
  await ann.does(['destroy', '--app', 'halfbuilt-zebra', '--confirm', 'halfbuilt-zebra'])
  const { code, stderr } = await push.ended
  expect({ code, stderr }).not.toMatchObject({ code: 0 })
  expect(stderr).toMatch(/destroyed|removed|gone/)
  expect(await processesOf('halfbuilt-zebra')).toEqual([])
  expect(await traces(['halfbuilt-zebra'])).toEqual([])
})

test('an app is destroyed in the middle of a deploy', async () => {
  const barrier = await newBarrier(platform, 'undeployed')
  const doomed = await newApp(ann, 'halfdone-zebra')
  await doomed.does('config:set', `BARRIER=${barrier.path}`)
  const push = doomed.startPush()
  await barrier.arrived()
  await ann.does(['destroy', '--app', 'halfdone-zebra', '--confirm', 'halfdone-zebra'])
  expect((await push.ended).code).not.toBe(0)
  expect(await processesOf('halfdone-zebra')).toEqual([])
  expect(await traces(['halfdone-zebra'])).toEqual([])
})
