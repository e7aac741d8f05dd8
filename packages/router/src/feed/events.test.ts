// Are lines of the feed taken only when they are what the contract says?
import { expect, test } from 'vitest'
import { BadLine, parseEvent } from './events.ts'

const tea = { app: 'tea', hosts: ['tea'], upstreams: ['127.0.0.1:5000', '[::1]:80', 'web.tea.svc:80'] }

test.each([
  { type: 'snapshot', epoch: 'e', seq: 0, domain: 'localhost', apps: [tea] },
  { type: 'app', seq: 1, app: tea },
  { type: 'app', seq: 1, app: { ...tea, shared: true } },
  {
    type: 'app',
    seq: 1,
    app: {
      ...tea,
      maintenance: true,
      whitelist: ['10.0.0.0/8'],
      enforceTls: true,
      certificates: [{ host: 'tea', certificate: 'PEM', key: 'PEM' }],
    },
  },
  { type: 'gone', seq: 2, app: 'tea' },
  { type: 'ping', seq: 3 },
] as const)('$type is understood', (event) => {
  expect(parseEvent(JSON.stringify(event))).toEqual(event)
})

test('what a newer controller adds is left out', () => {
  expect(parseEvent(JSON.stringify({ type: 'ping', seq: 3, more: true }))).toEqual({ type: 'ping', seq: 3 })
})

test.each([
  ['', 'it is not JSON'],
  ['{', 'it is not JSON'],
  ['null', 'it is not an object'],
  ['[]', 'it is not an object'],
  ['{"type":"ping"}', 'seq is not a whole number'],
  ['{"type":"ping","seq":1.5}', 'seq is not a whole number'],
  ['{"type":"ping","seq":-1}', 'seq is not a whole number'],
  ['{"type":"pong","seq":1}', 'its type is unknown'],
  ['{"type":"gone","seq":1}', 'app is not a string'],
  ['{"type":"app","seq":1,"app":"tea"}', 'an app is not an object'],
  [
    '{"type":"app","seq":1,"app":{"app":"tea","hosts":[1],"upstreams":[]}}',
    'hosts contains something that is not a string',
  ],
  ['{"type":"app","seq":1,"app":{"app":"tea","hosts":[]}}', 'upstreams is not a list'],
  [
    '{"type":"app","seq":1,"app":{"app":"tea","hosts":[],"upstreams":["127.0.0.1"]}}',
    'upstream "127.0.0.1" of tea is not host:port',
  ],
  [
    String.raw`{"type":"app","seq":1,"app":{"app":"tea","hosts":[],"upstreams":["a\r\nb:80"]}}`,
    String.raw`upstream "a\r\nb:80" of tea is not host:port`,
  ],
  [
    '{"type":"app","seq":1,"app":{"app":"tea","hosts":[],"upstreams":[],"shared":"yes"}}',
    'shared of tea is neither true nor false',
  ],
  ['{"type":"snapshot","seq":1,"domain":"x","apps":[]}', 'epoch is not a string'],
])('%s is refused: %s', (line, message) => {
  expect(() => parseEvent(line)).toThrow(new BadLine(message))
})

test.each([
  [{ maintenance: false, enforceTls: false }, {}],
  [
    { maintenance: 'yes', enforceTls: 0 },
    { maintenance: true, enforceTls: true },
  ],
  [{ whitelist: '0.0.0.0/0' }, { whitelist: ['"0.0.0.0/0"'] }],
  [{ whitelist: null }, { whitelist: ['null'] }],
  [{ whitelist: ['10.0.0.1', 5, ['0.0.0.0/0']] }, { whitelist: ['10.0.0.1', '5', '["0.0.0.0/0"]'] }],
  [{ certificates: 'PEM' }, {}],
  [{ certificates: [null, { host: 'tea', key: 'PEM' }] }, { certificates: [] }],
])('%j of an app protects it as %j', (said, understood) => {
  const line = JSON.stringify({ type: 'app', seq: 1, app: { ...tea, ...said } })
  expect(parseEvent(line)).toEqual({ type: 'app', seq: 1, app: { ...tea, ...understood } })
})

test.each(['x:0', 'x:65536', 'x:', ':80', '::1:80', '-x:80', 'x y:80', 'http://x:80'])(
  '%s is not an upstream',
  (upstream) => {
    const line = JSON.stringify({ type: 'app', seq: 1, app: { app: 'tea', hosts: [], upstreams: [upstream] } })
    expect(() => parseEvent(line)).toThrow(BadLine)
  },
)
