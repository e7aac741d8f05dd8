// How much of a bare server's rate is left when the controller lists apps?
import { join } from 'node:path'
import { compareLoad } from './load.mjs'
import { startPlatform } from './platform.mjs'
import { cleanEnv, onCore, pin, start } from './processes.mjs'

const runs = 5
const seconds = 3
// Rates still double while the engine compiles what is called often.
const warmSeconds = 12
/** Apps in the answer; a page has a hundred at most unless more are asked for. */
const counts = [20, 100]

export async function* measure({ root, scope }) {
  const platform = await startPlatform({ root, scope })
  const { child, first } = await start(
    scope,
    ...onCore(0, process.execPath, [
      join(import.meta.dirname, 'apps-floor.mjs'),
      root,
      `${platform.dataDir}/state/deis.db`,
    ]),
    { env: cleanEnv(), log: join(platform.folder, 'floor.log') },
  )
  pin(platform.pids.controller, 0)
  const headers = { authorization: `token ${platform.call.token}` }
  const sides = [
    { url: `${platform.api}/v2/apps`, headers, pids: [platform.pids.controller] },
    { url: `http://127.0.0.1:${first.port}/v2/apps`, headers, pids: [child.pid] },
  ]
  let made = 0
  for (const count of counts) {
    for (; made < count; made++) await platform.call('POST', '/v2/apps/', { id: `app-${made}` })
    const [ours, theirs] = await Promise.all(sides.map(async ({ url }) => (await fetch(url, { headers })).json()))
    if (ours.count !== count || JSON.stringify(ours.results) !== JSON.stringify(theirs.results))
      throw new Error('the two servers do not answer the same')
    const name = `GET /v2/apps, ${count} apps`
    yield* await compareLoad(scope, sides, { name, of: 'bare Fastify', least: 0.8, runs, seconds, warmSeconds })
  }
}
