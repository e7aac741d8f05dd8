// Which builder and buildpacks may an app choose for its next builds (docs/contract/api.md §2.9)?
import { DeisError, invalidField } from '@deis/types'
import { ImageError } from '@deis/ports/registry'
import { parseReference } from '@deis/registry/reference'
import type { Config } from '../../config.ts'
import type { Core } from '../core.ts'
import { bounds } from './bounds.ts'
import type { SettingsPatch } from './settings-rules.ts'

type Images = Pick<Config['cnb'], 'builder' | 'allowed'>

const buildpackPattern = /^[A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*(@[A-Za-z0-9][A-Za-z0-9.+_-]*)?$/

/** Equal for names of the same image: `heroku/builder:24` and `docker.io/heroku/builder:24`. */
function sameImage(image: string): string {
  const { host, repository, tag, digest } = parseReference(image)
  return [host, repository, tag, digest].join(' ')
}

/**
 * As the operator writes it. Phases of a build run in the builder with the platform's credentials, so any other is refused.
 * @throws DeisError invalid
 */
function allowedBuilder(wanted: string, { builder, allowed }: Images): string {
  const choice = [...new Set([builder, ...allowed])]
  try {
    const found = choice.find((one) => sameImage(one) === sameImage(wanted))
    if (found !== undefined) return found
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    throw invalidField('builder', `${error.message}.`)
  }
  throw invalidField(
    'builder',
    `This platform does not allow the builder "${wanted}". Choose one of ${choice.join(', ')}, or ask the operator to allow it (DEIS_BUILDER_IMAGES).`,
  )
}

/** @throws DeisError invalid */
function checkBuildpacks(ids: readonly string[]): void {
  for (const id of ids)
    if (!buildpackPattern.test(id))
      throw invalidField(
        'buildpacks',
        `"${id}" is not the id of a buildpack such as heroku/nodejs or heroku/nodejs@5.7.6. A buildpack at a URL is set with deis config:set BUILDPACK_URL=<url>.`,
      )
  const names = ids.map((id) => id.split('@', 1)[0])
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw invalidField('buildpacks', `The buildpack "${twice}" is named twice.`)
  if (ids.length > bounds.buildpacksOfApp)
    throw invalidField('buildpacks', `At most ${bounds.buildpacksOfApp} buildpacks are allowed.`)
}

/** A choice can always be taken back. @throws DeisError invalid */
export function checkBuilderChoice(
  { builder: { cnb = false }, config, scheduler }: Pick<Core, 'builder' | 'config' | 'scheduler'>,
  { builder, buildpacks, ...patch }: SettingsPatch,
): SettingsPatch {
  if (typeof builder !== 'string' && !buildpacks?.length) return { builder, buildpacks, ...patch }
  if (!cnb)
    throw new DeisError(
      'invalid',
      `The ${scheduler.name} backend does not build with Cloud Native Buildpacks, so nothing was changed. Choose a classic buildpack with deis config:set BUILDPACK_URL=<url>, or run the platform where deis doctor lists Cloud Native Buildpacks.`,
    )
  checkBuildpacks(buildpacks ?? [])
  return { ...patch, buildpacks, builder: typeof builder === 'string' ? allowedBuilder(builder, config.cnb) : builder }
}
