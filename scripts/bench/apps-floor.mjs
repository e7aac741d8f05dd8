// What would a bare Fastify route answer to GET /v2/apps, with the statements that Prisma sends?
//   node apps-floor.mjs ROOT DATABASE      sends {"port"} to its parent
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [root, database] = process.argv.slice(2)
const require = createRequire(join(root, 'packages/controller/package.json'))
const { createClient } = require('@libsql/client')
const { fastify } = require('fastify')

const column = (table, names) => names.map((name) => `\`main\`.\`${table}\`.\`${name}\``).join(', ')
const appColumns = column('App', [
  'uuid',
  'id',
  'ownerId',
  'structure',
  'deployBranch',
  'destroying',
  'createdAt',
  'updatedAt',
])
const userOfId = (columns, where) =>
  `SELECT ${column('User', columns)} FROM \`main\`.\`User\` WHERE \`main\`.\`User\`.\`id\` ${where} LIMIT ? OFFSET ?`
const sql = {
  token: `SELECT ${column('Token', ['hash', 'userId'])} FROM \`main\`.\`Token\` WHERE (\`main\`.\`Token\`.\`hash\` = ? AND 1=1) LIMIT ? OFFSET ?`,
  caller: userOfId(['id', 'username', 'isSuperuser', 'isActive'], '= ?'),
  count:
    'SELECT COUNT(*) AS `_count$_all` FROM (SELECT `main`.`App`.`uuid` FROM `main`.`App` WHERE `main`.`App`.`destroying` = ? LIMIT ? OFFSET ?) AS `sub`',
  apps: `SELECT ${appColumns} FROM \`main\`.\`App\` WHERE \`main\`.\`App\`.\`destroying\` = ? ORDER BY \`main\`.\`App\`.\`id\` ASC LIMIT ? OFFSET ?`,
  owners: userOfId(['id', 'username'], 'IN (?)'),
}

const db = createClient({ url: `file:${database}` })
const rows = async (name, ...args) => (await db.execute({ sql: sql[name], args })).rows
const server = fastify()

async function listApps(request) {
  const token = (request.headers.authorization ?? '').replace(/^token /, '')
  const [found] = await rows('token', createHash('sha256').update(token).digest('hex'), 1, 0)
  if (!found) throw Object.assign(new Error('Invalid token.'), { statusCode: 401 })
  await rows('caller', found.userId, -1, 0)
  const [[counted], apps] = await Promise.all([rows('count', false, -1, 0), rows('apps', false, 100, 0)])
  // All apps of the measurement have one owner.
  const [owner] = await rows('owners', apps[0].ownerId, -1, 0)
  const time = (value) => new Date(value).toISOString().replace(/\.\d+Z$/, 'Z')
  return {
    count: counted['_count$_all'],
    next: null,
    previous: null,
    results: apps.map((app) => ({
      uuid: app.uuid,
      id: app.id,
      owner: owner.username,
      structure: JSON.parse(app.structure),
      created: time(app.createdAt),
      updated: time(app.updatedAt),
    })),
  }
}

server.route({ method: 'GET', url: '/v2/apps', handler: listApps })

await server.listen({ host: '127.0.0.1', port: 0 })
process.send({ port: server.server.address().port })
// Nobody needs it any longer when the measurement is gone.
process.on('disconnect', () => process.exit(0))
