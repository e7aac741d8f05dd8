// How was an app built?
import { type Build, getBuild } from '@deis/types'
import type { Context } from '../../profile/context.ts'
import { labelled } from '../../terminal/output.ts'
import { currentBuild } from './current.ts'

type Row = readonly [label: string, value: string]

function builtBy({ cnb, dockerfile, source, status }: Build): Row[] {
  if (cnb)
    return [
      ['built by', `Cloud Native Buildpacks, ${cnb.builder}`],
      ...cnb.buildpacks.map(({ id, version }): Row => ['buildpack', `${id} ${version}`]),
      ['run image', `${cnb.run_image} (${cnb.run_reference})`],
    ]
  // What builds it is known when it is built.
  if (source !== 'pull' && status !== 'succeeded') return []
  if (dockerfile !== '') return [['built by', 'Dockerfile']]
  return [['built by', source === 'pull' ? 'others: the image was pulled' : 'classic buildpacks']]
}

export async function info(context: Context, id: string, given: string | undefined): Promise<void> {
  const uuid = given ?? (await currentBuild(context, id))
  const build = await context.call(getBuild, { params: { id, uuid } })
  const rows: Row[] = [
    ['uuid', build.uuid],
    ['status', build.status ?? 'succeeded'],
    ...(build.sha === '' ? [] : [['commit', build.sha] as const]),
    ...builtBy(build),
    ...(build.image === '' ? [] : [['image', build.image] as const]),
    ['owner', build.owner],
    ['created', build.created],
    ['updated', build.updated],
  ]
  context.answer(build, [`=== ${id} Build`, ...labelled(rows, 11)])
}
