// Which connections from and to an app do its network policies allow?
import { expect, test } from 'vitest'
import { appPolicy, type NetworkSettings } from './network.ts'

const plain: NetworkSettings = { routers: 'deis', sources: [], blocked: [] }
const name = 'kubernetes.io/metadata.name'
const fromOf = (settings: NetworkSettings) => appPolicy('tea', settings).spec?.ingress

test('all pods of the app are meant, in both directions', () => {
  expect(appPolicy('tea', plain)).toMatchObject({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { namespace: 'tea', labels: { app: 'tea', heritage: 'deis' } },
    spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
  })
})

test('the app itself and the routers, and nothing else', () => {
  expect(fromOf(plain)).toEqual([
    {
      from: [
        { podSelector: {} },
        {
          namespaceSelector: { matchLabels: { [name]: 'deis' } },
          podSelector: { matchLabels: { app: 'deis-router' } },
        },
      ],
    },
  ])
})

test('sources of the operator: a network, a namespace, a label', () => {
  const sources = ['10.1.0.0/16', 'fd00::/8', 'ingress-nginx', 'team=edge']
  expect(fromOf({ routers: null, sources, blocked: [] })).toEqual([
    {
      from: [
        { podSelector: {} },
        { ipBlock: { cidr: '10.1.0.0/16' } },
        { ipBlock: { cidr: 'fd00::/8' } },
        { namespaceSelector: { matchLabels: { [name]: 'ingress-nginx' } } },
        { namespaceSelector: { matchLabels: { team: 'edge' } } },
      ],
    },
  ])
})

test('if the sources of requests are unknown, all are allowed', () => {
  expect(fromOf({ routers: null, sources: [], blocked: [] })).toEqual([{}])
})

test('everything but the metadata addresses and what the operator adds', () => {
  expect(appPolicy('tea', { ...plain, blocked: ['10.9.0.0/16', 'fd12::/16'] }).spec?.egress).toEqual([
    {
      to: [
        { ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.169.254/32', '10.9.0.0/16'] } },
        { ipBlock: { cidr: '::/0', except: ['fd00:ec2::254/128', 'fd12::/16'] } },
        { namespaceSelector: {} },
      ],
    },
  ])
})
