// Was what an app runs built by Cloud Native Buildpacks, so that its image says what it is made of?
import { DeisError } from '@deis/types'
import { BuildFailure, type CnbFacts } from '@deis/ports/builder'
import type * as Row from '../../store/generated/sqlite/client.ts'
import { cnbOf } from '../apps/rows.ts'
import { imageRefusal } from './images.ts'

export type CnbBuild = { readonly reference: string; readonly cnb: CnbFacts }

/** `unable`: what cannot be done with another build, and why. @throws 422 */
export function cnbBuild(app: string, build: Row.Build | null, unable: string): CnbBuild {
  if (!build) throw new DeisError('unprocessable', `"${app}" runs no build yet. Deploy with git push.`)
  const cnb = cnbOf(build)
  if (cnb === null || build.reference === null)
    throw new DeisError(
      'unprocessable',
      `The build ${build.uuid} of "${app}" was not made by Cloud Native Buildpacks, so ${unable}. See deis builds:info.`,
    )
  return { reference: build.reference, cnb }
}

/** @throws 422 */
export function notHere(scheduler: string): DeisError {
  return new DeisError('unprocessable', `The ${scheduler} backend does not build with Cloud Native Buildpacks.`)
}

/** What the builder or a registry refused, as the API answers it. */
export function cnbRefusal(error: unknown): unknown {
  if (error instanceof BuildFailure) return new DeisError('conflict', error.message, { cause: error })
  return imageRefusal(error)
}
