// What do ten thousand apps in the database cost: the start, a page of the list, the time after it, a change of a route?
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { statusOf } from './deploy.mjs'
import { startPlatform } from './platform.mjs'
import { cpuSeconds } from './processes.mjs'
import { median } from './report.mjs'
import { openScope } from './scope.mjs'

const few = 10
const many = 10_000
const pages = 200
const changes = 10
const restSeconds = 10

const name = (one) => `app-${10_000 + one}`

/** Copies of the app `model` under other names, in every table that has rows of it. */
async function copyApp(root, database, model, from, to) {
  const require = createRequire(join(root, 'packages/controller/package.json'))
  const db = require('@libsql/client').createClient({ url: `file:${database}` })
  const rows = async (sql, ...args) => (await db.execute({ sql, args })).rows
  const [{ uuid }] = await rows('SELECT "uuid" FROM "App" WHERE "id" = ?', model)
  const tables = (await rows(`SELECT "name" FROM "sqlite_master" WHERE "type" = 'table'`)).map((row) => row.name)
  await db.execute('PRAGMA foreign_keys = OFF')
  for (const table of tables) {
    const columns = (
      await rows(`SELECT "name" FROM pragma_table_info(?) WHERE NOT ("pk" AND "type" = 'INTEGER')`, table)
    ).map((row) => row.name)
    const owner = table === 'App' ? 'uuid' : 'appUuid'
    if (!columns.includes(owner)) continue
    // Whatever names a row becomes its old name with the number of the copy.
    const value = (column) => {
      if (/uuid$/i.test(column)) return `'copy-' || n.i || '-' || t."${column}"`
      return column === 'domain' || (table === 'App' && column === 'id') ? `'app-' || (10000 + n.i)` : `t."${column}"`
    }
    await db.execute({
      sql: `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to - 1})
        INSERT INTO "${table}" (${columns.map((column) => `"${column}"`).join(', ')})
        SELECT ${columns.map(value).join(', ')} FROM "${table}" t, n WHERE t."${owner}" = ?`,
      args: [uuid],
    })
  }
  // As the database does by itself after a while.
  await db.execute('ANALYZE')
  db.close()
}

/** Milliseconds of one page of ten apps. */
async function pageTimes({ api, token }) {
  const times = []
  for (let one = 0; one < pages; one++) {
    const began = performance.now()
    const answer = await fetch(`${api}/v2/apps/?limit=${few}`, { headers: { authorization: `token ${token}` } })
    await answer.text()
    if (!answer.ok) throw new Error(`the list of apps answered ${answer.status}`)
    times.push(performance.now() - began)
  }
  return times
}

/** Milliseconds from the answer to a change until a request through the router sees it. */
async function changeTimes({ call, routerPort }, app) {
  const times = []
  for (let one = 0; one < changes; one++) {
    const [routable, wanted] = one % 2 === 0 ? [false, 404] : [true, 503]
    await call('POST', `/v2/apps/${app}/settings/`, { routable })
    const began = performance.now()
    while ((await statusOf(routerPort, `${app}.localhost`)) !== wanted)
      if (performance.now() - began > 10_000) throw new Error(`the router does not answer ${wanted}`)
    times.push(performance.now() - began)
  }
  return times
}

async function measured({ root, scope }, prepare, more) {
  const own = openScope(scope.signal)
  try {
    const began = performance.now()
    const platform = await startPlatform({ root, scope: own, ...more })
    const start = performance.now() - began
    await prepare?.(platform)
    const before = cpuSeconds(platform.pids.controller)
    await wait(restSeconds * 1000, undefined, { signal: scope.signal })
    const cpu = cpuSeconds(platform.pids.controller) - before
    const list = await pageTimes({ ...platform, token: platform.call.token })
    return { start, cpu, list, change: await changeTimes(platform, name(0)), token: platform.call.token }
  } finally {
    await own.close()
  }
}

export async function measure({ root, scope }) {
  const folder = scope.folder()
  const base = await measured(
    { root, scope },
    async ({ call }) => {
      for (let one = 0; one < few; one++) await call('POST', '/v2/apps/', { id: name(one) })
    },
    { folder },
  )
  await copyApp(root, join(folder, 'data/state/deis.db'), name(few - 1), few, many)
  const full = await measured({ root, scope }, null, { folder, token: base.token })
  const value = (label, of, unit, values, most) => ({ name: label, of, unit, values, most })
  return [
    value('10,000 apps', 'to start', 'ms', [full.start], 5_000),
    {
      name: '',
      of: 'list page of 10 apps',
      unit: 'ms',
      ours: [median(full.list)],
      floor: [median(base.list)],
      most: 2,
    },
    value('', `CPU in ${restSeconds} s of rest`, 'ms', [full.cpu * 1000], 500),
    value('', 'until a route is changed', 'ms', full.change, 100),
  ]
}
