// Do settings of earlier installs go, and nothing else?
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKube, type Kube } from '../client/client.ts'
import { type Deployment, type KubeObject, pathOf, type ReplicaSet } from '../client/objects.ts'
import { removeOldSettings } from './old-settings.ts'
import { isClusterThere, makeSpace } from '../client/testing.ts'
import { loadTransport } from '../client/transport.ts'

const labels = { app: 'deis-controller' }

describe.skipIf(!isClusterThere)('settings of earlier installs', () => {
  let kube: Kube
  let namespace: string
  beforeAll(async () => {
    kube = createKube((await loadTransport()).transport)
    namespace = await makeSpace(kube, 'settings')
  })
  afterAll(async () => {
    await kube.remove(pathOf('v1/Namespace', undefined, namespace))
    kube.close()
  })
  const make = (kind: 'ConfigMap' | 'Secret', name: string): Promise<KubeObject> =>
    kube.create(pathOf(`v1/${kind}`, namespace), { apiVersion: 'v1', kind, metadata: { name, namespace } })
  const names = async (kind: string): Promise<string[]> => {
    const { items } = await kube.list<KubeObject>(pathOf(kind, namespace))
    return items.map(({ metadata }) => metadata?.name ?? '').filter((name) => name.startsWith('deis'))
  }

  test('what no ReplicaSet names goes', async () => {
    for (const name of [
      'deis-settings-abcdefghkm',
      'deis-settings-2456789bcd',
      'deis-settings-own',
      'deis-other-2456789bcd',
    ])
      await make('ConfigMap', name)
    for (const name of ['deis-credentials-2456789bcd', 'deis-credentials-abcdefghkm', 'deis-keys'])
      await make('Secret', name)
    await kube.create<Deployment>(pathOf('apps/v1/Deployment', namespace), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'deis-controller', namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            containers: [
              {
                name: 'controller',
                image: 'none',
                envFrom: [
                  { configMapRef: { name: 'deis-settings-abcdefghkm' } },
                  { secretRef: { name: 'deis-credentials-abcdefghkm' } },
                ],
              },
            ],
          },
        },
      },
    })
    await expect
      .poll(async () => (await kube.list<ReplicaSet>(pathOf('apps/v1/ReplicaSet', namespace))).items.length, {
        timeout: 20_000,
      })
      .toBe(1)
    expect((await removeOldSettings(kube, namespace)).toSorted()).toEqual([
      'deis-credentials-2456789bcd',
      'deis-settings-2456789bcd',
    ])
    expect((await names('v1/ConfigMap')).toSorted()).toEqual([
      'deis-other-2456789bcd',
      'deis-settings-abcdefghkm',
      'deis-settings-own',
    ])
    expect((await names('v1/Secret')).toSorted()).toEqual(['deis-credentials-abcdefghkm', 'deis-keys'])
    expect(await removeOldSettings(kube, namespace)).toEqual([])
  })
})
