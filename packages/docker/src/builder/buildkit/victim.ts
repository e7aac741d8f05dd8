// Which controller is killed in the tests while BuildKit builds for it? A program of its own that prints what the build says.
import type { BuildingOptions } from '../options.ts'
import { openEngine } from '../../engine/engine.ts'
import { buildByBuildKit } from './build.ts'
import { openSession } from './session.ts'

/** The argument, as JSON. */
export type Orders = { readonly host: string; readonly platform: string; readonly app: string; readonly file: string }

const { host, platform, app, file } = JSON.parse(process.argv[2] ?? '') as Orders
const never = new AbortController().signal
const engine = await openEngine({ host, certPath: null }, never)
const session = await openSession(engine, {}, never)
await buildByBuildKit(
  {
    options: { engine, platform, env: {}, timeoutSeconds: 60 } as unknown as BuildingOptions,
    request: { app, id: 'killed', sha: '', config: {}, noCache: false, source: () => process.stdin },
    labels: {},
    file,
    session,
    cacheNamespace: platform,
    show: (text) => process.stdout.write(text),
  },
  never,
)
