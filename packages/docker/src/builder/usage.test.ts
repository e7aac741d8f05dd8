// Is only the disk space of the platform's own images and volumes counted, and each layer not for several images?
import { expect, test } from 'vitest'
import { registryName } from './names.ts'
import { usageOf } from './usage.ts'

const ours = { 'io.deis.platform': 'p', 'io.deis.app': 'tea' }

test('images, caches of both kinds and the registry', () => {
  const answer = {
    Images: [
      { Labels: ours, Size: 500, SharedSize: 400 },
      { Labels: { ...ours, 'io.deis.platform': 'q' }, Size: 500, SharedSize: 0 },
      { Labels: null, Size: 300, SharedSize: -1, RepoDigests: ['127.0.0.1:5211/tea@sha256:0'] },
      { Size: 300, SharedSize: 0, RepoDigests: ['registry.test/tea@sha256:0'] },
    ],
    BuildCache: [
      { Size: 11, Shared: false },
      { Size: 500, Shared: true },
      { Size: -1, Shared: false },
    ],
    Volumes: [
      { Name: 'c1', Labels: { ...ours, 'io.deis.kind': 'cache' }, UsageData: { Size: 70 } },
      { Name: 'c2', Labels: { ...ours, 'io.deis.kind': 'cache' }, UsageData: { Size: -1 } },
      { Name: registryName('p'), Labels: { 'io.deis.platform': 'p' }, UsageData: { Size: 9 } },
      { Name: 'theirs', Labels: null, UsageData: { Size: 1000 } },
    ],
  }
  expect(usageOf(answer, 'p', '127.0.0.1:5211/')).toEqual({
    images: { count: 2, bytes: 400 },
    caches: [
      { volume: 'c1', app: 'tea', bytes: 70 },
      { volume: 'c2', app: 'tea', bytes: 0 },
    ],
    buildKit: 11,
    registry: 9,
  })
  expect(usageOf({}, 'p', null)).toEqual({ images: { count: 0, bytes: 0 }, caches: [], buildKit: 0, registry: 0 })
})
