// Is what one field manager applied found again in the whole object?
import { expect, test } from 'vitest'
import { fieldsOf, ownedBy } from './owned.ts'

const object = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    name: 'tea-web',
    namespace: 'tea',
    uid: '1',
    resourceVersion: '7',
    labels: { app: 'tea', theirs: 'x' },
    annotations: { note: 'theirs' },
    finalizers: ['ours', 'theirs'],
    managedFields: [
      { manager: 'kubectl', operation: 'Update', fieldsV1: { 'f:metadata': { 'f:annotations': { 'f:note': {} } } } },
      {
        manager: 'deis',
        operation: 'Apply',
        fieldsV1: {
          'f:metadata': { 'f:labels': { 'f:app': {} }, 'f:finalizers': { 'v:"ours"': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:strategy': { 'f:type': {} },
            'f:template': {
              'f:spec': {
                'f:containers': {
                  'k:{"name":"tea-web"}': {
                    '.': {},
                    'f:name': {},
                    'f:args': {},
                    'f:env': { 'k:{"name":"A"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
                    'f:resources': {},
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
  spec: {
    replicas: 3,
    paused: false,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
    template: {
      spec: {
        containers: [
          { name: 'sidecar', image: 'theirs' },
          {
            name: 'tea-web',
            image: 'other',
            args: ['a', 'b'],
            env: [
              { name: 'B', value: 'theirs' },
              { name: 'A', value: '1' },
            ],
            resources: { limits: { cpu: '1' } },
          },
        ],
      },
    },
  },
}

test('only the fields of the manager are left, with what names the object', () => {
  expect(ownedBy(object, 'deis')).toEqual({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'tea-web', namespace: 'tea', labels: { app: 'tea' }, finalizers: ['ours'] },
    spec: {
      replicas: 3,
      strategy: { type: 'RollingUpdate' },
      template: {
        spec: {
          containers: [
            {
              name: 'tea-web',
              args: ['a', 'b'],
              env: [{ name: 'A', value: '1' }],
              resources: { limits: { cpu: '1' } },
            },
          ],
        },
      },
    },
  })
})

test('one that only updated, or never wrote, has applied nothing', () => {
  expect(ownedBy(object, 'kubectl')).toBeUndefined()
  expect(ownedBy(object, 'nobody')).toBeUndefined()
  expect(fieldsOf({ metadata: { name: 'x' } }, 'deis')).toBeUndefined()
})

test('what has gone from the object meanwhile is left out', () => {
  const fieldsV1 = { 'f:data': { 'f:gone': {}, 'f:there': {} } }
  const secret = {
    metadata: { name: 's', managedFields: [{ manager: 'deis', operation: 'Apply', fieldsV1 }] },
    data: { there: '1' },
  }
  expect(ownedBy(secret, 'deis')).toMatchObject({ data: { there: '1' } })
})
