// What does the runner do in a build's pod: `fetch` what a build needs, or `build` a slug?
import { fetchAll } from './fetch.ts'
import { workFolder } from './order.ts'
import { buildSlug } from './slug.ts'

const stop = new AbortController()
// The first process of a container dies of no signal by itself.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.on(name, () => stop.abort(new Error(`Stopped by ${name}.`)))

async function main(): Promise<number> {
  const { env } = process
  const mode = process.argv.at(-1)
  if (mode === 'build') return buildSlug(workFolder, env, (text) => void process.stdout.write(text), stop.signal)
  if (mode !== 'fetch') throw new Error(`The runner knows no ${String(mode)}.`)
  await fetchAll(workFolder, env.DEIS_ORDER ?? '', env.DEIS_COPY_NODE === '1', stop.signal)
  return 0
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`${(error as Error).message}\n`)
    process.exit(1)
  },
)
