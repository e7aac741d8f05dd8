// Is the stand-in builder an image that the platform takes for a builder?
import { expect, test } from 'vitest'
import { createRegistry } from '@deis/registry/create'
import { hasDockerRegistry, pushBase, startRegistry } from '@deis/registry/testing'
import { builderFacts } from '../builder-facts.ts'
import { publishTestBuilder } from './builder.ts'

test.skipIf(!hasDockerRegistry)('its facts', async () => {
  const { host, close } = await startRegistry()
  try {
    await pushBase(`${host}/stack`, '1', { config: { Env: ['PATH=/usr/bin'] } })
    const registry = createRegistry({ insecure: [host], mirrors: {}, credentials: {} })
    const images = await publishTestBuilder(registry, host, { platformApis: ['0.12'] })
    const facts = builderFacts(
      images.builder,
      await registry.inspect(images.builder, null, AbortSignal.timeout(10_000)),
    )
    expect(facts).toMatchObject({ api: '0.12', uid: 1000, gid: 1000, runImage: { image: images.run, mirrors: [] } })
    expect(facts.order[0]?.map(({ id }) => id)).toEqual(facts.buildpacks.map(({ id }) => id))
    const again = await publishTestBuilder(registry, host, { platformApis: ['0.12'] })
    expect(again).toEqual(images)
    expect((await publishTestBuilder(registry, host, { runVersion: '2' })).run).not.toBe(images.run)
  } finally {
    await close()
  }
})
