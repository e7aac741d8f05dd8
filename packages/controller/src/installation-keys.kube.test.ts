// Are the keys of an installation created once, whichever pod starts first and whatever gets lost?
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { isClusterThere } from '@deis/kubernetes/client/testing'
import { createKube, type Kube } from '@deis/kubernetes/client/client'
import { shareKeys } from './installation-keys.ts'
import { pathOf, type Secret } from '@deis/kubernetes/client/objects'
import { loadTransport } from '@deis/kubernetes/client/transport'

const namespace = `insttest-keys-${randomBytes(3).toString('hex')}`
const names = [
  'builder.key',
  'database.key',
  'registration.token',
  'router.key',
  'secret.key',
  'ssh_host_ecdsa_key',
  'ssh_host_ed25519_key',
]

describe.skipIf(!isClusterThere)('the keys of an installation', () => {
  let kube: Kube
  let folder: string
  let name: string

  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    await kube.create(pathOf('v1/Namespace'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
  })
  afterAll(async () => {
    await kube.remove(pathOf('v1/Namespace', undefined, namespace))
    kube.close()
  })
  beforeEach(async () => {
    name = `keys-${randomBytes(3).toString('hex')}`
    folder = await mkdtemp(join(tmpdir(), 'deis-keys-'))
    return () => rm(folder, { recursive: true })
  })

  const share = (of = 'a'): Promise<void> => shareKeys({ kube, namespace, name, folder: join(folder, of) })
  const file = (key: string, of = 'a'): Promise<string> => readFile(join(folder, of, key), 'utf8')
  const all = (of = 'a'): Promise<string[]> => Promise.all(names.map((key) => file(key, of)))
  const path = (): string => pathOf('v1/Secret', namespace, name)

  test('are made at the first start, for the owner alone', async () => {
    await share()
    expect(await readdir(join(folder, 'a'))).toEqual(names)
    for (const key of names) expect((await stat(join(folder, 'a', key))).mode & 0o777).toBe(0o600)
    expect(await file('router.key')).toMatch(/^[0-9a-f]{64}\n$/)
    const secret = await kube.get<Secret>(path())
    expect(Buffer.from(secret.data!['router.key']!, 'base64').toString()).toBe((await file('router.key')).trim())
  })

  test('are the same in pods that start side by side, and at every later start', async () => {
    const pods = ['a', 'b', 'c', 'd']
    await Promise.all(pods.map((pod) => share(pod)))
    const first = await all()
    for (const pod of pods) expect(await all(pod)).toEqual(first)
    await share()
    expect(await all()).toEqual(first)
  })

  test('come back into the Secret from the folder, and from the Secret into the folder', async () => {
    await share()
    const first = await all()
    await kube.remove(path())
    await share()
    await rm(join(folder, 'a'), { recursive: true })
    await share()
    expect(await all()).toEqual(first)
  })

  test('that a newer version needs are added to the ones that are there', async () => {
    await share()
    const first = await file('secret.key')
    await kube.patch(path(), { data: { 'router.key': null } })
    await rm(join(folder, 'a'), { recursive: true })
    await Promise.all([share('a'), share('b')])
    expect(await file('secret.key')).toBe(first)
    expect(await all('b')).toEqual(await all())
  })

  test('of two installations are not mixed', async () => {
    await share()
    await mkdir(join(folder, 'b'))
    const other = `${'0'.repeat(64)}\n`
    await writeFile(join(folder, 'b', 'secret.key'), other)
    await expect(share('b')).rejects.toThrow(/^"secret\.key" in .* differs from the one in the Secret/)
    expect(await readdir(join(folder, 'b'))).toEqual(['secret.key'])
    expect(await file('secret.key', 'b')).toBe(other)
  })
})
