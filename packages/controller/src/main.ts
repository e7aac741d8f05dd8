// How does the controller start and end as a process?
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { messageOf } from '@deis/types'
import pino from 'pino'
import { startController } from './compose.ts'
import { readConfig } from './config.ts'

const here = dirname(fileURLToPath(import.meta.url))

async function main(): Promise<void> {
  // Modes are given to each file and folder; with a stricter umask than usual, users of apps could not enter theirs.
  process.umask(0o022)
  const config = readConfig(process.env, process.cwd())
  const log = pino(
    { level: config.logLevel, redact: ['req.headers.authorization', 'values', 'password', 'token'] },
    pino.destination({ dest: 2, sync: true }),
  )
  const files = {
    migrations: join(here, 'migrations'),
    hookProgram: [process.execPath, join(here, 'hook.js')],
    archiveProgram: [process.execPath, '--max-old-space-size=512', join(here, 'archive.js')],
    runner: join(here, '../builder/runner.js'),
    client: join(here, '../client'),
    page: join(here, '../web'),
    server: join(here, '../server/main.js'),
  }
  // The first process of a container has no default for these, and nobody waits for one that has not begun.
  const early = (): void => process.exit(0)
  process.on('SIGTERM', early).on('SIGINT', early)
  const controller = await startController(config, files, log)
  process.off('SIGTERM', early).off('SIGINT', early)
  log.info({ api: controller.api, git: controller.git }, 'controller is ready')
  // Not logged, because logs are kept.
  const { api, git, registrationToken } = controller
  process.send?.({ ready: { api, git, registrationToken } })

  let closing = false
  const close = (stop: boolean): void => {
    // A second signal does not wait any longer.
    if (closing) process.exit(1)
    closing = true
    controller.close({ stop }).then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'shutdown failed')
        process.exit(1)
      },
    )
  }
  // TERM is a restart or an upgrade: apps go on. INT ends the platform with everything it runs.
  process.on('SIGTERM', () => close(false))
  process.on('SIGINT', () => close(true))
  // The program that started this one has died: as if it had sent INT.
  if (process.send) process.on('disconnect', () => close(true))
  process.on('unhandledRejection', (error) => {
    log.fatal({ err: error }, 'unhandled rejection')
    process.exit(1)
  })
}

main().catch((error: unknown) => {
  process.stderr.write(`deis controller: ${messageOf(error)}\n`)
  process.exit(1)
})
