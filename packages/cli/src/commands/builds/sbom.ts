// What does the image of a build consist of?
import { getSbom } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { note } from '../../terminal/output.ts'
import { currentBuild } from './current.ts'

/** Several documents are printed one after the other, as tools such as jq read them. */
export async function sbom(context: Context, id: string, given: string | undefined, format: string): Promise<void> {
  const uuid = given ?? (await currentBuild(context, id))
  const answer = await context.call(getSbom, { params: { id, uuid }, query: { format } })
  const { documents } = answer
  const named = documents.map(({ buildpack, layer }) => (layer === null ? buildpack : `${buildpack} (layer ${layer})`))
  if (documents.length > 1) note(context.io, `${documents.length} documents: ${named.join(', ')}`)
  context.answer(
    answer,
    documents.map(({ text }) => text),
  )
}
