// Which images of Cloud Native Buildpacks build apps, by the operator's choice, and are they valid?
import type { ClusterSettings } from '@deis/kubernetes'
import { messageOf } from '@deis/types'
import { settings } from '@deis/types/environment'
import { parseReference } from '@deis/registry/reference'
import type { Reader } from './config-cluster.ts'

export type BuilderImages = NonNullable<ClusterSettings['cnb']>

export function readBuilders({ text, list, problems }: Reader): BuilderImages {
  const image = (name: string, value: string): string => {
    try {
      parseReference(value)
    } catch (error) {
      problems.push(`${name}: ${messageOf(error)}`)
    }
    return value
  }
  const lifecycle = text('DEIS_LIFECYCLE_IMAGE')
  return {
    builder: image('DEIS_BUILDER_IMAGE', text('DEIS_BUILDER_IMAGE')),
    allowed: list('DEIS_BUILDER_IMAGES').map((item) => image('DEIS_BUILDER_IMAGES', item)),
    lifecycleImage: lifecycle === '' ? null : image('DEIS_LIFECYCLE_IMAGE', lifecycle),
    // Who brings a stack image with toolchains wants it used; the default one has none.
    plain: text('DEIS_STACK_IMAGE') === settings.DEIS_STACK_IMAGE.default ? 'cnb' : 'classic',
  }
}
