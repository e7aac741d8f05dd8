// How is an imported app built here, from the commit that it ran?
import { randomUUID } from 'node:crypto'
import { DeisError, messageOf } from '@deis/types'
import type { BuildResult } from '@deis/ports/builder'
import { openBuildLog } from '../builds/log.ts'
import type { Core } from '../core.ts'
import type { Artifact } from './artifact.ts'
import type { Plan } from './plan.ts'
import type { NewBuild } from './store.ts'

const shownLines = 30

/** @throws DeisError invalid with the end of its output */
export async function build(
  core: Core,
  plan: Plan,
  { build: { sha, ref } }: Extract<Artifact, { kind: 'build' }>,
  by: string,
  signal: AbortSignal,
): Promise<NewBuild> {
  const uuid = randomUUID()
  const log = await openBuildLog(core, plan.id, uuid)
  let output = ''
  const print = (text: string): void => {
    log.write(text)
    output = (output + text).slice(-100_000)
  }
  const history = core.history()
  if (!history) throw new DeisError('unavailable', 'The git server has not started yet. Try again in a moment.')
  try {
    const commit = await history.commit(plan.id, sha, signal)
    const whole = await commit.withSubmodules?.(print, signal)
    try {
      const { builder, buildpacks } = plan.settings
      const result = await core.builder.build(
        {
          id: uuid,
          app: plan.id,
          sha,
          config: plan.config.values,
          source: whole?.source ?? commit.source,
          submodules: whole?.submodules ?? commit.submodules,
          noCache: false,
          ...(builder === null ? {} : { builder }),
          ...(buildpacks.length === 0 ? {} : { buildpacks }),
        },
        print,
        signal,
      )
      return newBuild(plan, result, { uuid, sha, ref, owner: by })
    } finally {
      await whole?.close()
    }
  } catch (error) {
    signal.throwIfAborted()
    const lines = output.trimEnd().split('\n').slice(-shownLines)
    throw new DeisError(
      'invalid',
      [
        `"${plan.id}" could not be built here, and nothing was changed: ${messageOf(error)}`,
        ...lines.map((line) => `    ${line}`),
      ]
        .join('\n')
        .trimEnd(),
      { cause: error },
    )
  } finally {
    await log.close()
  }
}

function newBuild(
  plan: Plan,
  { artifact, dockerfile, port, processes, cnb }: BuildResult,
  about: { uuid: string; sha: string; ref: string; owner: string },
): NewBuild {
  const now = new Date()
  return {
    ...about,
    appUuid: plan.uuid,
    source: 'git',
    status: 'succeeded',
    image: artifact.kind === 'slug' ? artifact.digest : artifact.reference,
    reference: artifact.kind === 'slug' ? null : artifact.reference,
    procfile: { ...processes },
    dockerfile: dockerfile ? 'true' : '',
    port,
    ...(cnb ? { cnb: { ...cnb, buildpacks: [...cnb.buildpacks], procfileTypes: [...(cnb.procfileTypes ?? [])] } } : {}),
    createdAt: now,
    updatedAt: now,
  }
}
