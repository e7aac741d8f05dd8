// Does the controller show what it did, as text that Prometheus reads, with a bounded number of series?
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build, stop } from 'esbuild'
import { type Exposition, readExposition } from '@deis/lib/exposition-testing'
import { startMetrics } from '@deis/lib/metrics-listener'
import { DeployFailure } from '@deis/ports/scheduler'
import { afterEach, expect, test } from 'vitest'
import { leafCert, leafKey } from './domain/edge/certs.testing.ts'
import { type Fixture, openFixture } from './http/fixture.ts'
import { createMetrics } from './metrics.ts'

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close()
})

async function start(options: Parameters<typeof openFixture>[0] = {}) {
  const metrics = await createMetrics('process')
  const f: Fixture = await openFixture({ ...options, measures: metrics.measures })
  open.push(() => f.close())
  metrics.observe(f.core)
  const listener = await startMetrics({ port: 0, host: '127.0.0.1', token: null }, metrics)
  open.push(() => listener.close())
  const scrape = async (): Promise<Exposition> =>
    readExposition(await (await fetch(`http://127.0.0.1:${listener.port}/metrics`)).text())
  return { f, scrape, ann: await f.user('ann') }
}

/** Those of one metric, by labels. */
function of(all: Exposition, name: string): Record<string, number> {
  const found = [...all].filter(([series]) => series === name || series.startsWith(`${name}{`))
  return Object.fromEntries(found.map(([series, value]) => [series.slice(name.length), value]))
}

test('requests are counted by the route of the contract, never by what a client sent', async () => {
  const { f, scrape, ann } = await start()
  for (const id of ['tea', 'milk', 'cake']) await f.call('POST', '/v2/apps/', { id }, ann)
  for (const id of ['tea', 'milk', 'nobody']) await f.call('GET', `/v2/apps/${id}/`, undefined, ann)
  for (const path of ['/v2/one/', '/two', '/v2/apps/tea/three/four']) await f.call('GET', path, undefined, ann)
  await f.call('DELETE', '/v2/apps/', undefined, ann)
  const all = await scrape()
  const counts = of(all, 'deis_api_requests_total')
  expect(counts).toMatchObject({
    '{route="/v2/apps/",method="POST",code="201"}': 3,
    '{route="/v2/apps/:id/",method="GET",code="200"}': 2,
    '{route="/v2/apps/:id/",method="GET",code="404"}': 1,
    '{route="none",method="GET",code="404"}': 3,
    '{route="/v2/apps/",method="DELETE",code="405"}': 1,
  })
  expect(Object.keys(counts).filter((labels) => /tea|milk|cake|nobody/.test(labels))).toEqual([])
  expect(of(all, 'deis_apps')).toEqual({ '': 3 })
  expect(of(all, 'deis_routers')).toEqual({ '{state="current"}': 0, '{state="behind"}': 0 })
  expect(of(all, 'deis_converge_queue_length')).toEqual({ '': 0 })
  expect(of(all, 'nodejs_eventloop_lag_p99_seconds')[''] ?? 0).toBeGreaterThan(0)
})

test('deploys are counted by their result, and failures of the backend apart from those of apps', async () => {
  const trouble: Error[] = []
  const { f, scrape, ann } = await start({
    wrap: (scheduler) => ({
      ...scheduler,
      async apply(formation, signal, progress) {
        const error = trouble.shift()
        if (error) throw error
        await scheduler.apply(formation, signal, progress)
      },
    }),
  })
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  const pull = () => f.call('POST', '/v2/apps/tea/builds/', { image: 'acme/tea' }, ann)
  trouble.push(new Error('the engine does not answer'))
  expect((await pull()).status).toBe(201)
  trouble.push(new DeployFailure('it does not start', [], ''))
  expect((await pull()).status).toBe(400)
  const all = await scrape()
  expect(of(all, 'deis_deploys_total')).toEqual({ '{result="deployed"}': 1, '{result="failed"}': 1 })
  expect(of(all, 'deis_deploy_duration_seconds_count')).toEqual({ '{result="deployed"}': 1, '{result="failed"}': 1 })
  expect(of(all, 'deis_scheduler_errors_total')).toEqual({ '': 1 })
})

test('a certificate in use is shown with its end, and no longer when it is removed', async () => {
  const { f, scrape, ann } = await start()
  await f.call('POST', '/v2/apps/', { id: 'tea' }, ann)
  await f.call('POST', '/v2/apps/tea/domains/', { domain: 'acme.example' }, ann)
  await f.call('POST', '/v2/certs/', { name: 'acme', certificate: leafCert, key: leafKey }, ann)
  const expiry = async () => of(await scrape(), 'deis_certificate_expiry_timestamp_seconds')
  expect(await expiry()).toEqual({})
  await f.call('POST', '/v2/certs/acme/domain/', { domain: 'acme.example' }, ann)
  expect(await expiry()).toEqual({ '{certificate="acme"}': Date.parse('2126-10-29T04:48:12Z') / 1000 })
  await f.call('DELETE', '/v2/certs/acme/', undefined, ann)
  expect(await expiry()).toEqual({})
})

test('drains are counted by state, and their lines by what became of them', async () => {
  const { f, scrape } = await start()
  f.core.measures.drained('sent', 3)
  f.core.measures.drained('lost', 2)
  f.core.here.drains.set('x', { state: { state: 'failing', error: 'no', dropped: 2 }, add: () => {}, close: () => {} })
  const all = await scrape()
  expect(of(all, 'deis_drain_lines_total')).toEqual({ '{result="sent"}': 3, '{result="lost"}': 2 })
  expect(of(all, 'deis_drains')).toEqual({
    '{state="idle"}': 0,
    '{state="sending"}': 0,
    '{state="failing"}': 1,
  })
})

test('it works as it is installed: bundled', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'metrics-'))
  open.push(() => rm(folder, { recursive: true }))
  const outfile = join(folder, 'metrics.mjs')
  await build({
    stdin: {
      contents:
        "import { createMetrics } from './metrics.ts'\nprocess.stdout.write(await (await createMetrics('x')).text())",
      resolveDir: new URL('.', import.meta.url).pathname,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  await stop()
  const { stdout } = await promisify(execFile)(process.execPath, [outfile])
  expect(Object.keys(of(readExposition(stdout), 'deis_build_info'))).toEqual([expect.stringContaining('backend="x"')])
})
