// What does the image of a build consist of, as its buildpacks list it (docs/contract/api.md §2.6)?
import { DeisError, type getSbom, invalidField, type Response, sbomFormats } from '@deis/types'
import type { AppRow } from '../apps/rows.ts'
import type { Core } from '../core.ts'
import { buildRow } from './build.ts'
import { cnbBuild, cnbRefusal, notHere } from './cnb-build.ts'

const readMs = 120_000

/** @throws 400, 404 when there is none, 409 when it is invalid, 422 */
export async function buildSbom(
  core: Core,
  app: AppRow,
  uuid: string,
  given: string | undefined,
  gone: AbortSignal,
): Promise<Response<typeof getSbom>> {
  const format = sbomFormats.find((one) => one === (given ?? sbomFormats[0]))
  if (format === undefined) throw invalidField('format', `The format is one of ${sbomFormats.join(', ')}.`)
  const { reference, cnb } = cnbBuild(
    app.id,
    await buildRow(core, app, uuid),
    'its image does not say what it consists of',
  )
  if (!core.builder.sbom || core.builder.cnb !== true) throw notHere(core.scheduler.name)
  const late = AbortSignal.timeout(readMs)
  try {
    const request = { image: reference, format, buildpacks: cnb.buildpacks }
    const signal = AbortSignal.any([late, gone, core.shutdown])
    const documents = await core.builder.sbom(request, signal)
    if (documents.length > 0) return { format, documents: documents.map((one) => ({ ...one })) }
  } catch (error) {
    if (!late.aborted) throw cnbRefusal(error)
    throw new DeisError('unavailable', `The image was not read within ${readMs / 1000} s. Try again.`, { cause: error })
  }
  throw new DeisError(
    'not_found',
    `The image of build ${uuid} has no software bill of materials in the format ${format}: its buildpacks wrote none. Other formats are ${sbomFormats.filter((one) => one !== format).join(', ')}.`,
  )
}
