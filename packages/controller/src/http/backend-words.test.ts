// Do errors speak of namespaces and Services only where the backend is a cluster?
import { afterEach, expect, it } from 'vitest'
import { NameTaken } from '@deis/ports/scheduler'
import { type Fixture, openFixture } from './fixture.ts'

let f: Fixture
/** What the backend does next, by what it is asked. */
const failures = new Map<string, Error>()

afterEach(async () => {
  failures.clear()
  await f.close()
})

const fail = async (what: string): Promise<void> => {
  const error = failures.get(what)
  if (error) throw error
}

async function said(cluster: boolean): Promise<unknown[]> {
  f = await openFixture({
    capabilities: { cluster },
    wrap: (inner) => ({
      ...inner,
      prepare: async (...args) => (await fail('claim')) ?? inner.prepare(...args),
      setEdge: async (...args) => (await fail('expose')) ?? inner.setEdge(...args),
      remove: async (...args) => (await fail('remove')) ?? inner.remove(...args),
    }),
  })
  const ann = await f.user('ann')
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    (await f.call(method, path, body, ann)).body
  await ask('POST', '/v2/apps/', { id: 'tea' })
  const details: unknown[] = []
  const failing = async (what: string, error: Error, act: () => Promise<unknown>): Promise<void> => {
    failures.set(what, error)
    details.push(((await act()) as { detail: unknown }).detail)
    failures.delete(what)
  }
  await failing('claim', new NameTaken('taken'), () => ask('POST', '/v2/apps/', { id: 'shop' }))
  await failing('claim', new Error('no'), () => ask('POST', '/v2/apps/', { id: 'shop' }))
  await failing('expose', new Error('no'), () => ask('POST', '/v2/apps/tea/domains/', { domain: 'x.example' }))
  await failing('remove', new Error('no'), () => ask('DELETE', '/v2/apps/tea/'))
  return details
}

it('on one machine they do not', async () => {
  expect(await said(false)).toEqual([
    'The memory scheduler already has something else named "shop"',
    '"shop" could not be set up: no',
    'The routing of "tea" could not be changed: no',
    'The processes of tea could not be stopped: no',
  ])
})

it('on a cluster they do, in the original’s words', async () => {
  expect(await said(true)).toEqual([
    'shop already exists as a namespace in this kuberenetes setup',
    'Kubernetes resources could not be created: no',
    'Could not update Kubernetes Service tea: no',
    'Could not delete Kubernetes Namespace tea: no',
  ])
})
