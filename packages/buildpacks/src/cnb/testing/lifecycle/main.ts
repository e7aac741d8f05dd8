// Which phase of the stand-in lifecycle is this program, by the name that it was called?
import { basename } from 'node:path'
import { analyze } from './analyzer.ts'
import { build } from './builder.ts'
import { detect } from './detector.ts'
import { Exit, say } from './exit.ts'
import { exportImage } from './exporter.ts'
import { readFlags } from './flags.ts'
import { openRegistries, Refused } from './registry.ts'
import { restore } from './restorer.ts'
import { checkPrivileged, checkUnprivileged } from './surroundings.ts'

const supported = ['0.12', '0.13', '0.14', '0.15']
/** The code of a phase whose registry fails, and of one that is told to fail. */
const codes: Readonly<Record<string, number>> = { analyzer: 32, detector: 21, restorer: 42, builder: 52, exporter: 62 }

function platformApi(): string {
  const api = process.env.CNB_PLATFORM_API
  if (api === undefined || api === '')
    throw new Exit(
      11,
      "failed to get platform API version; please set 'CNB_PLATFORM_API' to specify the desired platform API version",
    )
  if (!supported.includes(api))
    throw new Exit(11, `failed to set platform API: platform API version '${api}' is incompatible with the lifecycle`)
  return api
}

async function run(phase: string, words: readonly string[]): Promise<void> {
  const api = platformApi()
  const flags = readFlags(phase, words, process.env)
  const fails = process.env.TEST_FAIL_PHASE
  if (fails === phase || (fails === `${phase}-with-layers` && !flags.has('skip-layers')))
    throw new Exit(codes[phase] ?? 1, `failed to ${phase}: told to fail`)
  if (phase === 'detector' || phase === 'builder') {
    checkUnprivileged(phase, process.env)
    return phase === 'detector' ? detect(flags, process.env) : build(flags, process.env)
  }
  checkPrivileged('/platform')
  const insecure = flags.many('insecure-registry')
  if (insecure.length > 0 && api === '0.12') throw new Exit(2, 'flag provided but not defined: -insecure-registry')
  const registries = openRegistries(process.env.CNB_REGISTRY_AUTH, insecure)
  if (phase === 'analyzer') return analyze(flags, registries)
  if (phase === 'restorer') return restore(flags, registries)
  if (phase === 'exporter') return exportImage(flags, registries, api)
  throw new Exit(1, `unknown phase: ${phase}`)
}

const phase = basename(process.argv[1] ?? '')
say(`This is a test double of the Cloud Native Buildpacks lifecycle: ${phase}`)
run(phase, process.argv.slice(2)).catch((error: unknown) => {
  const { message, stack } = error as Error
  const known = error instanceof Exit || error instanceof Refused
  say(`ERROR: ${known ? message : (stack ?? message)}`)
  process.exitCode = error instanceof Exit ? error.code : (codes[phase] ?? 1)
})
