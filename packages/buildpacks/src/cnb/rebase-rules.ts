// May an app's image get another run image under its layers, and what does it say about itself then?
import { BuildFailure } from '@deis/ports/builder'
import type { BaseChange, ImageParts } from '@deis/ports/registry'
import { lifecycleLabel, type LifecycleMetadata, lifecycleMetadata, ownLayers } from './lifecycle-label.ts'
import { fullName } from './reference.ts'

type Decision = ReturnType<BaseChange['decide']>

const distro = ['io.buildpacks.base.distro.name', 'io.buildpacks.base.distro.version']
const stackId = 'io.buildpacks.stack.id'
/** What these say is about the files of the run image. */
const ofRunImage = /^io\.buildpacks\.(stack|base)\./

const label = ({ labels }: ImageParts, name: string): string =>
  Object.hasOwn(labels, name) ? (labels[name] ?? '') : ''

/** Whether the image was based on this one, or one of its mirrors, by name. */
function isNamed({ runImage }: LifecycleMetadata, name: string): boolean {
  const known = [runImage.image ?? '', ...(runImage.mirrors ?? [])].filter((one) => one !== '')
  return known.some((one) => fullName(one) === fullName(name))
}

/** Why files that were made for one image cannot be expected to run on the other; null: they can. */
function difference(app: ImageParts, run: ImageParts, known: boolean): string | null {
  const platformOf = ({ os, architecture }: ImageParts): string => `${os}/${architecture}`
  if (platformOf(app) !== platformOf(run)) return `it is for ${platformOf(run)}, the app for ${platformOf(app)}`
  if (app.variant !== '' && run.variant !== '' && app.variant !== run.variant)
    return `it is for the variant ${run.variant} of ${run.architecture}, the app for ${app.variant}`
  const compared = [stackId, ...distro].filter((name) => label(app, name) !== '' && label(run, name) !== '')
  const other = compared.find((name) => label(app, name) !== label(run, name))
  if (other !== undefined) return `its ${other} is ${label(run, other)}, that of the app ${label(app, other)}`
  if (!known && compared.every((name) => name === distro[1]))
    return 'it does not say which distribution or stack it is, and the app was not built on an image of this name'
  return null
}

/** How many of the lowest layers are the run image's; null: it cannot be told. */
export function runLayers(diffIds: readonly string[], metadata: LifecycleMetadata): number | null {
  const { topLayer } = metadata.runImage
  const found = diffIds.flatMap((id, index) => (id === topLayer ? [index] : []))
  // Empty layers are all the same. Above the right one are those that the build added, and only those.
  const own = ownLayers(metadata)
  const isRight = (index: number): boolean => {
    const above = diffIds.slice(index + 1)
    return above.length > 0 && above.every((id) => own.has(id))
  }
  const [only, ...others] = found.length < 2 ? found : found.filter(isRight)
  return only === undefined || others.length > 0 ? null : only + 1
}

function newMetadata(metadata: LifecycleMetadata, run: ImageParts, name: string): object {
  const known = isNamed(metadata, name)
  const { image, mirrors } = known ? metadata.runImage : { image: name, mirrors: [] }
  const runImage = { ...metadata.runImage, topLayer: run.diffIds.at(-1), reference: run.reference, image, mirrors }
  return { ...metadata, runImage, ...(known ? {} : { stack: { runImage: { image, mirrors } } }) }
}

/**
 * Null: the app's image has this run image's layers already.
 * @throws BuildFailure that says why it cannot be
 */
export function rebaseDecision(app: ImageParts, run: ImageParts, name: string): Decision {
  const metadata = lifecycleMetadata(app.labels)
  if (metadata === null)
    throw new BuildFailure(
      `The image ${app.reference} has no label ${lifecycleLabel} that can be read, so its run image cannot be changed. Push the app again.`,
    )
  if (label(app, 'io.buildpacks.rebasable') === 'false')
    throw new BuildFailure(
      `The image ${app.reference} says that its run image must not be changed (io.buildpacks.rebasable). Push the app again.`,
    )
  const why = difference(app, run, isNamed(metadata, name))
  if (why !== null) throw new BuildFailure(`The app cannot run on ${name}: ${why}. Nothing was changed.`)
  const replaced = runLayers(app.diffIds, metadata)
  if (replaced === null)
    throw new BuildFailure(
      `The image ${app.reference} does not have the layers of its run image as its label ${lifecycleLabel} says. Push the app again.`,
    )
  if (run.diffIds.length === 0) throw new BuildFailure(`The image ${name} has no layers. Nothing was changed.`)
  if (run.diffIds.length === replaced && run.diffIds.every((id, index) => id === app.diffIds[index])) return null
  const kept = Object.entries(app.labels).filter(([name]) => !ofRunImage.test(name))
  const theirs = Object.entries(run.labels).filter(([name]) => ofRunImage.test(name))
  return {
    replaced,
    labels: {
      ...Object.fromEntries([...kept, ...theirs]),
      [lifecycleLabel]: JSON.stringify(newMetadata(metadata, run, name)),
    },
  }
}
