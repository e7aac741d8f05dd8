// Does a controller start with ten thousand apps, some of which cannot be read, and answer meanwhile?
import { afterEach, describe, expect, it } from 'vitest'
import { type Fixture, openFixture } from './fixture.ts'
import { appPages } from '../domain/apps/bulk.ts'
import { emptyConfig } from '../domain/apps/config-rules.ts'
import { examine } from '../domain/doctor.ts'
import { configRow } from '../domain/releases/release.ts'
import { publishAllRoutes, resumeApps } from '../domain/releases/start.ts'
import { abandonBuilds } from '../domain/builds/build.ts'

const name = (index: number): string => `app-${10_000 + index}`
const uuid = (index: number): string => `uuid-${10_000 + index}`

/** Copies of one app that was made and, if `released`, deployed in the ordinary way; in one statement for each table. */
async function insertApps(f: Fixture, count: number, released: boolean): Promise<string> {
  const token = await f.user('ann')
  await f.call('POST', '/v2/apps/', { id: 'model' }, token)
  if (released)
    await f.call('POST', '/v2/apps/model/builds/', { image: 'acme/tea:1', procfile: { web: 'serve' } }, token)
  const { db } = f.core
  const model = await db.app.findUniqueOrThrow({ where: { id: 'model' } })
  const own = `'uuid-' || CAST(n.i AS TEXT)`
  const copy = (table: string, columns: string, values: string, where = ''): Promise<number> =>
    db.$executeRawUnsafe(
      `WITH RECURSIVE n(i) AS (SELECT 10000 UNION ALL SELECT i + 1 FROM n WHERE i < ${9_999 + count})
       INSERT INTO "${table}" (${quoted(columns)}) SELECT ${values} FROM "${table}" t, n WHERE t."${table === 'App' ? 'uuid' : 'appUuid'}" = '${model.uuid}' ${where}`,
    )
  const quoted = (columns: string): string => columns.replaceAll(/\w+/g, '"$&"')
  const same = (columns: string): string => columns.replaceAll(/\w+/g, 't."$&"')
  const rest = (columns: string): [string, string] => [columns, same(columns)]
  const [app, appValues] = rest('ownerId, structure, destroying, createdAt, updatedAt')
  await copy('App', `uuid, id, ${app}`, `${own}, 'app-' || CAST(n.i AS TEXT), ${appValues}`)
  const [config, configValues] = rest('owner, values, registry, memory, cpu, tags, healthcheck, createdAt, updatedAt')
  await copy('Config', `uuid, appUuid, ${config}`, `${own}, ${own}, ${configValues}`)
  const [build, buildValues] = rest(
    'owner, source, status, image, reference, sha, ref, procfile, dockerfile, port, createdAt, updatedAt',
  )
  await copy('Build', `uuid, appUuid, ${build}`, `${own}, ${own}, ${buildValues}`)
  const [release, releaseValues] = rest('version, owner, summary, state, before, createdAt, updatedAt')
  await copy(
    'Release',
    `uuid, appUuid, configUuid, buildUuid, ${release}`,
    `${own}, ${own}, ${own}, ${released ? own : 'NULL'}, ${releaseValues}`,
    `AND t."version" = ${released ? 2 : 1}`,
  )
  const [settings, settingsValues] = rest(
    'owner, maintenance, routable, whitelist, autoscale, label, createdAt, updatedAt',
  )
  await copy('Settings', `uuid, appUuid, ${settings}`, `${own}, ${own}, ${settingsValues}`)
  const [domain, domainValues] = rest('owner, createdAt, updatedAt')
  await copy('Domain', `domain, appUuid, ${domain}`, `'app-' || CAST(n.i AS TEXT), ${own}, ${domainValues}`)
  await f.call('DELETE', '/v2/apps/model/', undefined, token)
  // As the database does by itself after a while; until then it guesses how large the tables are.
  await db.$executeRawUnsafe('ANALYZE')
  return token
}

describe('many apps', () => {
  let f: Fixture
  afterEach(() => f.close())

  /** @returns the seconds of CPU that it took. */
  const start = async (): Promise<number> => {
    const before = process.cpuUsage()
    await abandonBuilds(f.core)
    await publishAllRoutes(f.core)
    await resumeApps(f.core)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  const routes = (): string[] => {
    const seen: string[] = []
    f.core.routes.subscribe('test', (event) => {
      if (event.type === 'snapshot') seen.push(...event.apps.map(({ app }) => app))
    })()
    return seen
  }

  it('ten thousand are taken up, shown and looked after', { timeout: 300_000 }, async () => {
    f = await openFixture()
    const ann = await insertApps(f, 10_000, false)
    const cpuSeconds = await start()
    expect(routes()).toHaveLength(10_000)
    expect(cpuSeconds).toBeLessThan(20)
    const page = await f.call('GET', '/v2/apps/?limit=100&offset=9950', undefined, ann)
    expect(page.body).toMatchObject({ count: 10_000, results: { length: 50 } })
    expect((await f.call('GET', '/v2/apps/?limit=100000', undefined, ann)).body).toMatchObject({
      count: 10_000,
      results: { length: 10_000 },
    })
    expect((await examine(f.core, { isSuperuser: true })).checks).toContainEqual({
      name: 'apps',
      status: 'ok',
      detail: 'every app runs as configured',
    })
  })

  it(
    'those that run are applied at each start, so that their backend can start them again',
    { timeout: 120_000 },
    async () => {
      f = await openFixture()
      await insertApps(f, 205, true)
      await start()
      expect((await f.core.scheduler.observe(name(204))).map(({ state }) => state)).toEqual(['up'])
      const applied = f.memory.applied(name(7))
      await start()
      expect(f.memory.applied(name(7))).not.toBe(applied)
      expect(f.memory.applied(name(7))).toEqual(applied)
      await f.core.db.app.updateMany({ where: { id: name(7) }, data: { structure: { web: 2 } } })
      await start()
      expect(await f.core.scheduler.observe(name(7))).toHaveLength(2)
    },
  )

  it('those that cannot be taken up are reported, and the others come up', { timeout: 120_000 }, async () => {
    f = await openFixture()
    const ann = await insertApps(f, 12, true)
    const { db } = f.core
    const isSqlite = f.core.config.databaseUrl.startsWith('file:')
    const structure = async (index: number, json: string): Promise<void> => {
      if (isSqlite) await db.$executeRawUnsafe(`UPDATE "App" SET "structure" = ? WHERE "id" = ?`, json, name(index))
      else await db.$executeRawUnsafe(`UPDATE "App" SET "structure" = $1::jsonb WHERE "id" = $2`, json, name(index))
    }
    await structure(0, '{"web":1000000000}')
    await structure(1, isSqlite ? '{"web":' : '"web"')
    await structure(2, '["web"]')
    await structure(3, '{"web":"many"}')
    await structure(4, '{"web":-1}')
    await db.config.updateMany({ where: { appUuid: uuid(5) }, data: { values: 'sealed with another key' } })
    const { values } = configRow(f.core, { uuid: '' }, 'ann', {
      ...emptyConfig,
      values: { DEIS_DEPLOY_TIMEOUT: 'soon' },
    })
    await db.config.updateMany({ where: { appUuid: uuid(6) }, data: { values } })
    await db.release.deleteMany({ where: { appUuid: uuid(7) } })
    if (isSqlite) await db.$executeRawUnsafe(`UPDATE "Settings" SET "whitelist" = '{' WHERE "appUuid" = ?`, uuid(8))
    await start()
    const up = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => (await f.core.scheduler.observe(name(index))).length),
    )
    expect(up.slice(0, 8)).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    expect(up.slice(9)).toEqual([1, 1, 1])
    const list = await f.call('GET', '/v2/apps/', undefined, ann)
    expect(list.body).toMatchObject({ count: 12, results: { length: 12 } })
    const log = async (index: number): Promise<string> =>
      (await f.core.logs.tail(name(index), 10)).map(({ text }) => text).join('\n')
    expect(await log(0)).toContain('its stored count of web processes, 1000000000, is more than DEIS_MAX_PROCESSES=100')
    for (const index of [1, 2, 3, 4, 5, 6]) expect(await log(index)).toContain('ERROR')
    const { checks } = await examine(f.core, { isSuperuser: true })
    expect(checks.find((check) => check.name === 'apps')).toMatchObject({
      status: 'limited',
      detail: expect.stringMatching(/^\d+ apps? do(es)? not run as configured: app-1000/),
    })
    const told = await f.call('GET', '/v2/doctor/', undefined, await f.user('bob'))
    expect(told.text).toContain('not run as configured"')
    const scaled = await f.call('POST', `/v2/apps/${name(0)}/scale/`, { web: 1 }, ann)
    expect(scaled.status).toBe(204)
    expect(await f.core.scheduler.observe(name(0))).toHaveLength(1)
  })

  it('pages hold each app once', async () => {
    f = await openFixture()
    await insertApps(f, 450, false)
    const ids: string[] = []
    for await (const page of appPages(f.core)) ids.push(...page.map(({ id }) => id))
    expect(ids).toEqual(Array.from({ length: 450 }, (_, index) => name(index)))
  })
})
