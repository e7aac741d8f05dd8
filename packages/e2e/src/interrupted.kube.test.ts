// Do namespaces that a run of the tests has made go when the run is killed, and no others?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { noteNamespaces } from '@deis/ports/testing/namespaces'
import { describe, expect, test } from 'vitest'
import { kubectl, testCluster } from './cluster.ts'
import { typescript } from './run-folder.ts'
import { until } from './until.ts'

const runFolder = fileURLToPath(new URL('run-folder.ts', import.meta.url))
const namespaces = createRequire(import.meta.url).resolve('@deis/ports/testing/namespaces')

const runner = (prefix: string): string => `
const { openRun } = await import(${JSON.stringify(runFolder)})
const { noteNamespaces } = await import(${JSON.stringify(pathToFileURL(namespaces).href)})
const { execFileSync } = await import('node:child_process')
await openRun()
execFileSync('kubectl', ['create', 'namespace', noteNamespaces(${JSON.stringify(prefix)}) + '-app'], { stdio: 'ignore' })
console.log('made')
setInterval(() => {}, 1000)
`

const all = async (): Promise<string[]> => (await kubectl('get', 'namespaces', '--output=name')).split('\n')

describe.skipIf(testCluster === null)('on a cluster', () => {
  test('a run that is killed leaves no namespaces; those of others stay', async () => {
    const base = await mkdtemp(join(tmpdir(), 'deis-e2e-'))
    await chmod(base, 0o755)
    const mine = noteNamespaces(`killed-${process.pid}-mine`)
    const other = noteNamespaces(`killed-${process.pid}-other`)
    await kubectl('create', 'namespace', other)
    try {
      const child = spawn(process.execPath, [...typescript, '--input-type=module', '--eval', runner(mine)], {
        env: { PATH: process.env.PATH, KUBECONFIG: process.env.KUBECONFIG, TMPDIR: base },
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(child.stdout, 'data')
      expect(await all()).toContain(`namespace/${mine}-app`)
      process.kill(-(child.pid ?? 0), 'SIGTERM')
      await until({ what: 'its namespace is gone' }, async () => !(await all()).includes(`namespace/${mine}-app`))
      expect(await all()).toContain(`namespace/${other}`)
    } finally {
      await kubectl('delete', 'namespace', '--wait=false', other)
      await rm(base, { recursive: true, force: true })
    }
  })
})
