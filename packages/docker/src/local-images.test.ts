// Is an image that only the engine has deployed where that is allowed, never in place of a registry's, and never another app's?
import { ImageError, type ImageFacts, type Registry } from '@deis/ports/registry'
import { expect, test } from 'vitest'
import type { Client } from './engine/client.ts'
import { EngineError } from './engine/error.ts'
import { withLocalImages } from './local-images.ts'

const never = new AbortController().signal
const id = `sha256:${'a'.repeat(64)}`
const there: ImageFacts = {
  reference: 'docker.io/library/tea@sha256:0',
  digest: `sha256:${'0'.repeat(64)}`,
  ports: [],
  entrypoint: [],
  cmd: [],
  user: '',
  env: [],
  workingDir: '',
  labels: {},
}
const built = { Id: id, Config: { ExposedPorts: { '7000/tcp': {}, '53/udp': {} }, Cmd: ['serve'], User: 'app' } }
const pulled = { ...built, RepoDigests: ['tea@sha256:0'] }
/** As the store of containerd tells it, wherever it comes from. */
const named = { ...built, RepoDigests: [`tea@${id}`, `other@${id}`] }
const pulledNamed = { ...built, Id: there.digest, RepoDigests: [`tea@${there.digest}`] }
const ofApp = { ...built, Config: { Labels: { 'io.deis.platform': 'p', 'io.deis.app': 'other' } } }

/** `has`: images of the engine by the names that it knows them by; `registry`: whether the registry has all. */
function world(has: Record<string, object>, registry: boolean, allowed: boolean) {
  const engine = {
    async read(what: string, _: unknown, { path }: { path: string }) {
      const found = has[decodeURIComponent(/^\/images\/(.*)\/json$/.exec(path)?.[1] ?? '')]
      if (!found) throw new EngineError(what, 404)
      return found
    },
  } as unknown as Client
  const remote = {
    async inspect() {
      if (!registry) throw new ImageError('there is no such image', 'check its name')
      return there
    },
  } as unknown as Registry
  return withLocalImages(remote, { engine, allowed })
}

test.each([
  ['only the engine has it', built, false, id],
  ['only the engine has it, by a name that somebody else has on the internet', built, true, id],
  ['it was pulled', pulled, true, there.reference],
  ['it may have been pulled, and the registry has another by that name', named, true, id],
  ['it may have been pulled, and no registry has it', named, false, id],
  ['it was pulled, as the registry has it, with the store of containerd', pulledNamed, true, there.reference],
  ['it was pulled, and the registry does not have it any more', pulled, false, id],
  ['it was built for an app', ofApp, true, there.reference],
])('where that is allowed, %s', async (_, image, registry, expected) => {
  const found = await world({ 'docker.io/library/tea:1': image }, registry, true).inspect('tea:1', null, never)
  expect(found.reference).toBe(expected)
})

test('it is pinned by its id, and says what it is', async () => {
  const found = await world({ 'docker.io/library/tea:latest': built }, false, true).inspect('tea', null, never)
  expect(found).toMatchObject({ reference: id, digest: id, ports: [7000], cmd: ['serve'], user: 'app' })
})

test('where it is not allowed, the refusal says how it would be', async () => {
  const { inspect } = world({ 'docker.io/library/tea:1': built, 'docker.io/library/ofapp:1': ofApp }, false, false)
  const hint = expect.stringContaining('DEIS_DOCKER_LOCAL_IMAGES=true') as string
  await expect(inspect('tea:1', null, never)).rejects.toMatchObject({ message: 'there is no such image', hint })
  await expect(inspect('ofapp:1', null, never)).rejects.toMatchObject({ hint: 'check its name' })
  await expect(inspect('coffee:1', null, never)).rejects.toMatchObject({ hint: 'check its name' })
})

test.each([id, id.slice(7), `x@${id}`])('%j is not taken for the id of an image', async (name) => {
  await expect(world({ [id]: built, [id.slice(7)]: built }, false, true).inspect(name, null, never)).rejects.toThrow(
    ImageError,
  )
})
