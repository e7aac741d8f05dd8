// How does the controller start and end as a process?
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { socketsOf } from '@deis/lib/held-sockets'
import { messageOf } from '@deis/types'
import pino from 'pino'
import { type Controller, startController } from './compose.ts'
import { readConfig } from './config.ts'
import { unknownSettings } from './unknown-settings.ts'

/** How long pushes that run may take to end before an upgrade. */
const upgradeMs = 600_000

const here = dirname(fileURLToPath(import.meta.url))

async function main(): Promise<void> {
  // Modes are given to each file and folder; with a stricter umask than usual, users of apps could not enter theirs.
  process.umask(0o022)
  const config = readConfig(process.env, process.cwd())
  const log = pino(
    { level: config.logLevel, redact: ['req.headers.authorization', 'values', 'password', 'token'] },
    pino.destination({ dest: 2, sync: true }),
  )
  const unknown = unknownSettings(process.env)
  for (const name of unknown) log.warn({ name }, 'not a setting of the platform, so it has no effect')
  const files = {
    migrations: join(here, 'migrations'),
    archiveProgram: [process.execPath, '--max-old-space-size=512', join(here, 'archive.js')],
    runner: join(here, '../builder/runner.js'),
    client: join(here, '../client'),
    page: join(here, '../web'),
    server: join(here, '../server/main.js'),
    sockets: socketsOf(process.env, process.pid),
  }
  let controller: Controller | null = null
  let closing = false
  const close = (stop: boolean, pushMs = 0): void => {
    // Nobody waits for one that has not begun, and a second signal does not wait any longer.
    if (controller === null || closing) process.exit(controller === null ? 0 : 1)
    closing = true
    controller.close({ stop, pushMs }).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'shutdown failed')
        process.exit(1)
      },
    )
  }
  // TERM is a restart, USR2 the beginning of an upgrade: apps go on. INT ends the platform with everything it runs.
  // Installed once: a signal that comes while its listener is exchanged is lost.
  process.on('SIGTERM', () => close(false, config.pushEndSeconds * 1000))
  process.on('SIGUSR2', () => close(false, upgradeMs))
  process.on('SIGINT', () => close(true))
  // The program that started this one has died: as if it had sent INT.
  if (process.send) process.on('disconnect', () => close(true))
  controller = await startController(config, files, log)
  log.info({ api: controller.api, git: controller.git }, 'controller is ready')
  // Not logged, because logs are kept.
  const { api, git, registrationToken } = controller
  process.send?.({ ready: { api, git, registrationToken, unknown } })
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection')
    process.exit(1)
  })
}

main().catch((error: unknown) => {
  process.stderr.write(`deis controller: ${messageOf(error)}\n`)
  process.exit(1)
})
