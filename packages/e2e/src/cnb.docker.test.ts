// Do Cloud Native Buildpacks build and run apps on Docker, with a stand-in builder and the platform's own registry?
import { afterAll, beforeAll, describe } from 'vitest'
import { cnbWorks, type Stage } from './cnb-steps.ts'
import { type BuilderPlatform, startWithBuilder } from './engine-builder.ts'
import { docker, testEngine } from './engine.ts'

async function ofBuilds(app: string): Promise<string[]> {
  const filters = [`--filter=label=io.deis.app=${app}`, '--filter=label=io.deis.kind=build', '--quiet']
  const [containers, volumes] = await Promise.all([
    docker('ps', '--all', ...filters),
    docker('volume', 'ls', ...filters),
  ])
  return `${containers}\n${volumes}`.split('\n').filter((line) => line !== '')
}

describe.skipIf(testEngine === null).sequential('on a Docker Engine', () => {
  let started: BuilderPlatform
  let stage: Stage
  beforeAll(async () => {
    started = await startWithBuilder()
    const { platform, builder, newRunImage, shop } = started
    stage = { platform, shop, builder, newRunImage, ofBuilds }
  })
  afterAll(() => started?.stop())

  cnbWorks(() => stage)
})
