// How does the router run as a process?
import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import { socketsOf } from '@deis/lib/held-sockets'
import { messageOf } from '@deis/types'
import { BadConfig, type Config, readConfig } from './config.ts'
import { startServing } from './serve.ts'
import { startRouter } from './start.ts'
import { usualTiming } from './timing.ts'
import { runWorker } from './worker.ts'
import { serveWith } from './workers.ts'

function log(text: string): void {
  process.stderr.write(`${text}\n`)
}

const write = (text: string): void => void process.stdout.write(text)

/** Beside a controller on one or two cores a second process takes memory and wins nothing. */
function usualWorkers(): number {
  const cores = availableParallelism()
  return cores <= 2 ? 1 : Math.min(cores, 4)
}

function explain(error: unknown, config: Config): string {
  const { code, port = config.port } = error as NodeJS.ErrnoException & { readonly port?: number }
  const settings = {
    DEIS_ROUTER_PORT: config.port,
    DEIS_ROUTER_HEALTH_PORT: config.healthPort,
    DEIS_ROUTER_TLS_PORT: config.tlsPort,
    DEIS_ROUTER_METRICS_PORT: config.metrics?.port ?? null,
  }
  const setting = Object.entries(settings).find(([, value]) => value === port)?.[0] ?? 'DEIS_ROUTER_PORT'
  if (code === 'EADDRINUSE')
    return `port ${port} is in use by another program: stop it, or set ${setting} to another port (0 for any free one)`
  if (code === 'EACCES')
    return `this user may not listen on port ${port}: set ${setting} to a port above 1023, or allow low ports`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `"${config.host}" is not an address of this machine: change or unset ${setting}`
  return messageOf(error)
}

function fail(problems: readonly string[]): void {
  for (const problem of problems) log(`deis-router: ${problem}`)
  process.exitCode = 1
  if (process.connected) process.disconnect()
}

async function run(config: Config): Promise<void> {
  const workers = config.workers ?? usualWorkers()
  const sockets = socketsOf(process.env, cluster.isWorker ? process.ppid : process.pid)
  if (cluster.isWorker) return runWorker({ ...config, sockets, log, write, timing: usualTiming, processes: workers })
  const starting = startRouter({ ...config, sockets, log, write }, workers > 1 ? serveWith(workers) : startServing)
  let ending = false
  const end = (): void => {
    if (ending) return
    ending = true
    // It may serve some already while it starts.
    void starting
      .then((router) => router.close())
      .then(
        () => {
          if (process.connected) process.disconnect()
        },
        // Said below.
        () => undefined,
      )
  }
  process.once('disconnect', end)
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => {
      // On the second signal it ends at once.
      if (ending) process.exit(0)
      end()
    })

  const router = await starting
  process.stdout.write(`deis-router listens on port ${router.port}\n`)
  if (router.tlsPort !== null) process.stdout.write(`deis-router listens for TLS on port ${router.tlsPort}\n`)
  if (router.metricsPort !== null) log(`deis-router shows metrics on port ${router.metricsPort}`)
  process.send?.({ listening: router.port })
}

try {
  const config = readConfig(process.env)
  try {
    await run(config)
  } catch (error) {
    fail([explain(error, config)])
  }
} catch (error) {
  fail(error instanceof BadConfig ? error.problems : [messageOf(error)])
}
