// How was an app built?
import { type Build, buildOutcome, getBuild } from '@deis/types'
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

const lastLines = 20

/** With the last lines of the app, which say most. */
function whyNotDeployed({ release }: Build): string[] {
  if (release?.exception === undefined) return []
  const lines = release.exception.trimEnd().split('\n')
  const [first = '', ...more] = lines
  return ['', `v${release.version} was not deployed: ${first.replace(/^error: /, '')}`, ...more.slice(-lastLines)]
}

export async function info(context: Context, id: string, given: string | undefined): Promise<void> {
  const uuid = given ?? (await currentBuild(context, id))
  const build = await context.call(getBuild, { params: { id, uuid } })
  const rows: Row[] = [
    ['uuid', build.uuid],
    ['status', buildOutcome(build)],
    ...(build.release ? [['release', `v${build.release.version}`] as const] : []),
    ...(build.sha === '' ? [] : [['commit', build.sha] as const]),
    ...builtBy(build),
    ...(build.image === '' ? [] : [['image', build.image] as const]),
    ['owner', build.owner],
    ['created', build.created],
    ['updated', build.updated],
  ]
  context.answer(build, [`=== ${id} Build`, ...labelled(rows, 11), ...whyNotDeployed(build)])
}
