// Is an engine that cannot be used refused, and is every other one spoken to in a version that both know?
import { expect, test } from 'vitest'
import { createClient } from './client.ts'
import { acquaintanceOf, chooseApi, hasInit, openEngine } from './engine.ts'
import { infoOf } from './objects.ts'

test.each([
  ['20.10', '1.41', '1.12', '1.41'],
  ['24.0', '1.43', undefined, '1.43'],
  ['29.0', '1.52', '1.44', '1.51'],
  ['29.10', '1.57', '1.40', '1.51'],
])('%s speaks %s, at least %s', (Version, ApiVersion, MinAPIVersion, expected) => {
  expect(chooseApi({ Version, ApiVersion, ...(MinAPIVersion === undefined ? {} : { MinAPIVersion }) })).toBe(expected)
})

test.each([
  [{ ApiVersion: '1.40' }, 'too old'],
  [{ ApiVersion: 'nonsense' }, 'too old'],
  [{ ApiVersion: '1.70', MinAPIVersion: '1.60' }, 'too new'],
  [{ ApiVersion: '1.41', Components: [{ Name: 'Podman Engine' }] }, 'Podman is not supported'],
])('%j is refused', (more, message) => {
  expect(() => chooseApi({ Version: '1', ...more })).toThrow(message)
})

test.each([
  ['20.10.24+dfsg1', '1.41', 'tried'],
  ['28.5.2+dfsg4', '1.51', 'tried'],
  ['27.5.1', '1.47', 'untried'],
  ['120.10.1', '1.51', 'untried'],
  ['29.0.0', '1.52', 'newer'],
])('%s with API %s is %s', (Version, ApiVersion, expected) => {
  expect(acquaintanceOf({ Version, ApiVersion })).toBe(expected)
})

test.each([
  ['docker-init', [{ Name: 'Engine' }, { Name: 'docker-init' }], true],
  ['/usr/bin/tini', [{ Name: 'Engine' }, { Name: 'tini' }], true],
  ['docker-init', [{ Name: 'Engine' }, { Name: 'runc' }], false],
  ['', [{ Name: 'Engine' }], false],
  ['docker-init', undefined, true],
])('the init program %j, beside %j, can be used: %s', (InitBinary, Components, expected) => {
  const version = { Version: '1', ApiVersion: '1.41', ...(Components ? { Components } : {}) }
  expect(hasInit(infoOf({ InitBinary }), version)).toBe(expected)
})

test('an engine that is not there is said so, with what to look at', async () => {
  const opened = openEngine({ host: 'unix:///nowhere/docker.sock', certPath: null }, new AbortController().signal)
  await expect(opened).rejects.toThrow(/does not answer \(ENOENT\)\. Is it running/)
})

test.each(['', 'docker.sock', 'http://engine', 'ssh://root@engine'])('%j is not a host', (host) => {
  expect(() => createClient({ host, certPath: null })).toThrow('DEIS_DOCKER_HOST must be')
})

test('settings that are missing are as if the engine could not do it', () => {
  expect(infoOf({ MemoryLimit: true, PidsLimit: 'yes', NCPU: 4 })).toMatchObject({
    MemoryLimit: true,
    PidsLimit: false,
    NCPU: 4,
    SecurityOptions: [],
  })
  expect(infoOf(null).OperatingSystem).toBe('')
})
