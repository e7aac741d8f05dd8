// Does the router say everything that is wrong with its environment?
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { type BadConfig, readConfig } from './config.ts'

const folder = mkdtempSync(join(tmpdir(), 'router-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a key is enough', () => {
  expect(readConfig({ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_HOST: '' })).toEqual({
    port: 8080,
    publicPort: null,
    host: undefined,
    tlsPort: null,
    tlsPublicPort: null,
    trustedProxies: [],
    controllerUrl: 'http://127.0.0.1:8000',
    key: 'k',
    tableFile: null,
    drainSeconds: 30,
    lingerSeconds: 0,
    healthPort: null,
    metrics: null,
    metricsApps: 200,
    workers: null,
    accessLog: false,
    compression: true,
  })
})

test('everything can be set', () => {
  const file = join(folder, 'key')
  writeFileSync(file, 'from-file\n')
  const env = {
    DEIS_ROUTER_PORT: '0',
    DEIS_ROUTER_PUBLIC_PORT: '80',
    DEIS_ROUTER_HEALTH_PORT: '0',
    DEIS_ROUTER_LINGER_SECONDS: '7',
    DEIS_ROUTER_HOST: '127.0.0.1',
    DEIS_ROUTER_TLS_PORT: '8443',
    DEIS_ROUTER_TLS_PUBLIC_PORT: '443',
    DEIS_ROUTER_TRUSTED_PROXIES: '10.0.0.0/8, 2001:db8::1,',
    DEIS_CONTROLLER_URL: 'https://deis.example',
    DEIS_ROUTER_KEY_FILE: file,
    DEIS_ROUTER_TABLE: '/x/table',
    DEIS_DRAIN_SECONDS: '5',
    DEIS_ROUTER_ACCESS_LOG: '1',
    DEIS_ROUTER_COMPRESSION: '0',
    DEIS_ROUTER_WORKERS: '3',
    DEIS_ROUTER_METRICS_PORT: '9101',
    DEIS_ROUTER_METRICS_APPS: '3',
    DEIS_METRICS_HOST: '0.0.0.0',
    DEIS_METRICS_TOKEN: 'a-token-of-the-tests',
  }
  expect(readConfig(env)).toEqual({
    port: 0,
    publicPort: 80,
    host: '127.0.0.1',
    tlsPort: 8443,
    tlsPublicPort: 443,
    trustedProxies: ['10.0.0.0/8', '2001:db8::1'],
    controllerUrl: 'https://deis.example',
    key: 'from-file',
    tableFile: '/x/table',
    drainSeconds: 5,
    lingerSeconds: 7,
    healthPort: 0,
    metrics: { port: 9101, host: '0.0.0.0', token: 'a-token-of-the-tests' },
    metricsApps: 3,
    workers: 3,
    accessLog: true,
    compression: false,
  })
})

test.each([
  [{}, /neither DEIS_ROUTER_KEY nor/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_KEY_FILE: 'f' }, /both set/],
  [{ DEIS_ROUTER_KEY: 'a b' }, /are not allowed in a header/],
  [{ DEIS_ROUTER_KEY_FILE: join(folder, 'absent') }, /cannot be read/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_PORT: '65536' }, /^DEIS_ROUTER_PORT is "65536"; it must be/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_PORT: '0x50' }, /^DEIS_ROUTER_PORT/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_PUBLIC_PORT: '0' }, /^DEIS_ROUTER_PUBLIC_PORT is "0"; it must be a port from 1/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_HEALTH_PORT: '65536' }, /^DEIS_ROUTER_HEALTH_PORT/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_LINGER_SECONDS: 'x' }, /^DEIS_ROUTER_LINGER_SECONDS/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_TLS_PORT: 'on' }, /^DEIS_ROUTER_TLS_PORT/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_TLS_PUBLIC_PORT: '0' }, /^DEIS_ROUTER_TLS_PUBLIC_PORT/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_TRUSTED_PROXIES: '10.0.0.1,lb' }, /^DEIS_ROUTER_TRUSTED_PROXIES has "lb"/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_CONTROLLER_URL: 'localhost:8000' }, /^DEIS_CONTROLLER_URL/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_DRAIN_SECONDS: '-1' }, /^DEIS_DRAIN_SECONDS/],
  [{ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_ACCESS_LOG: 'yes' }, /^DEIS_ROUTER_ACCESS_LOG/],
])('%j is refused', (env, message) => {
  expect(() => readConfig(env)).toThrow(message)
})

test('all problems come at once', () => {
  let problems: readonly string[] = []
  try {
    readConfig({ DEIS_ROUTER_PORT: 'x', DEIS_DRAIN_SECONDS: 'x' })
  } catch (error) {
    problems = (error as BadConfig).problems
  }
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'DEIS_ROUTER_PORT',
    'neither',
    'DEIS_DRAIN_SECONDS',
  ])
})

test('metrics that other machines may reach need a token', () => {
  const problemsOf = (env: Record<string, string>): readonly string[] => {
    try {
      readConfig({ DEIS_ROUTER_KEY: 'k', DEIS_ROUTER_METRICS_PORT: '9101', ...env })
      return []
    } catch (error) {
      return (error as BadConfig).problems
    }
  }
  expect(problemsOf({})).toEqual([])
  expect(problemsOf({ DEIS_METRICS_HOST: '::1' })).toEqual([])
  expect(problemsOf({ DEIS_METRICS_HOST: '0.0.0.0' })).toEqual([
    'DEIS_METRICS_HOST is "0.0.0.0", which other machines may reach: set DEIS_METRICS_TOKEN as well',
  ])
  expect(problemsOf({ DEIS_METRICS_TOKEN: 'short' })).toEqual(['DEIS_METRICS_TOKEN must have at least 16 characters'])
})
