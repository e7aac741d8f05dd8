// What does the runner do in a build's pod: `fetch` what a build needs, `build` a slug, or pack and unpack for both?
import { fileURLToPath } from 'node:url'
import { createArchiver } from '@deis/machine/archive'
import { runArchive } from '@deis/machine/archive/run'
import { fetchAll } from './fetch.ts'
import { workFolder } from './order.ts'
import { buildSlug } from './slug.ts'

const stop = new AbortController()
// The first process of a container dies of no signal by itself.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort(new Error(`Stopped by ${name}.`)))

async function main(mode: string | undefined): Promise<number> {
  const { env } = process
  // Its own file: in a pod it was imported by another program, whose arguments do not name it.
  const own = fileURLToPath(import.meta.url)
  const archiver = createArchiver([process.execPath, '--max-old-space-size=512', own, 'archive'])
  if (mode === 'build')
    return buildSlug(workFolder, env, archiver, (text) => void process.stdout.write(text), stop.signal)
  if (mode !== 'fetch') throw new Error(`The runner has no mode "${String(mode)}".`)
  await fetchAll(workFolder, env.DEIS_ORDER ?? '', env.DEIS_COPY_NODE === '1', archiver, stop.signal)
  return 0
}

const mode = process.argv.at(-1)
// The same file once more, as the program that packs and unpacks.
if (mode === 'archive') runArchive((code) => process.exit(code))
else
  main(mode).then(
    (code) => {
      process.exitCode = code
    },
    (error: unknown) => {
      process.stderr.write(`${(error as Error).message}\n`)
      process.exit(1)
    },
  )
