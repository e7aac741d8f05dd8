// Which line does a user get when a phase fails, and what can be done?
import type { BuilderFacts } from './builder-facts.ts'
import { lookedFor } from './looked-for.ts'
import type { Phase } from './plan.ts'

export type PhaseFailure = {
  readonly phase: Phase
  readonly exitCode: number
  /** Killed for its memory. */
  readonly outOfMemory: boolean
  /** What a build may use; null: no limit. */
  readonly memory: string | null
  /** The last error that the phase printed. */
  readonly error: string | null
  /** The buildpacks that build, `id version` each. */
  readonly participants: readonly string[]
}

const sentence = (text: string): string => text.replace(/(?<![.\s])[.\s]+$/, '')

function noneDetects({ name, buildpacks }: BuilderFacts): string {
  const files = lookedFor(buildpacks)
  const wanted = files === '' ? 'Add' : `They look for ${files}. Add such a file,`
  return `No buildpack of ${name} recognises this app. ${wanted} a Procfile or a Dockerfile, or name the buildpacks in project.toml.`
}

function couldNotBuild(participants: readonly string[]): string {
  const [first, ...more] = participants
  if (first === undefined) return 'A buildpack could not build the app. Its own output above says why.'
  if (more.length === 0) return `The buildpack ${first} could not build the app. Its own output above says why.`
  return `A buildpack could not build the app (${participants.join(', ')}). Its own output above says why.`
}

const byExitCode: Readonly<Record<number, (failure: PhaseFailure, facts: BuilderFacts, said: string) => string>> = {
  11: (_, { name, api }, said) =>
    `The builder ${name} does not work with this platform: it refuses Platform API ${api}${said}.`,
  12: (_, { name }, said) =>
    `A buildpack of ${name} does not work with the builder's own lifecycle${said}. Use another version of the builder.`,
  20: (_, facts) => noneDetects(facts),
  21: (_, facts) => `${noneDetects(facts)} One of them failed while it looked: its output is above.`,
  22: (_, { name }, said) => `The order of buildpacks names one that ${name} does not have${said}.`,
  32: (_, __, said) => `The registry refused the build${said}. This is for the operator: see deis doctor.`,
  42: (_, __, said) =>
    `What the last build kept could not be restored${said}. Push again; if it stays so, set DEIS_DISABLE_CACHE.`,
  51: ({ participants }) => couldNotBuild(participants),
  62: (_, __, said) => `The image could not be pushed to the registry${said}.`,
}

/** One line, without what the output says already. */
export function failureMessage(failure: PhaseFailure, facts: BuilderFacts): string {
  const { phase, exitCode, outOfMemory, memory, error } = failure
  if (outOfMemory)
    return `The build ran out of memory (OOMKilled)${memory === null ? '' : `: it may use ${memory}`}. Make it smaller, or raise the limit of builds.`
  const said = error === null ? '' : `: ${sentence(error)}`
  const known = byExitCode[exitCode]
  if (known) return known(failure, facts, said)
  return `The phase "${phase}" of the builder ${facts.name} exited with code ${exitCode}${said}.`
}
