// Does a backup say which images it does not have, and what their apps need after a restore?
import { readConfig } from '@deis/controller/config'
import { expect, test } from 'vitest'
import { leftOut } from './left-out.ts'

const here = `sha256:${'1'.repeat(64)}`
const gone = `sha256:${'2'.repeat(64)}`
const own = `127.0.0.1:5010/tea@sha256:${'3'.repeat(64)}`
const elsewhere = `registry.example.com/tea@sha256:${'4'.repeat(64)}`

const onDocker = (which: 'current' | 'none', env: Readonly<Record<string, string>> = {}) => {
  const { docker } = readConfig({ DEIS_DOCKER_REGISTRY_PORT: '5010', ...env }, '/')
  return { scheduler: 'docker', slugs: 'all', images: { which, engine: docker } } as const
}
const elsewhereSet = { DEIS_REGISTRY_HOSTNAME: '127.0.0.1:5010' }

test.each([
  ['one that is in it', onDocker('current'), here, null],
  [
    'one that the engine has lost',
    onDocker('current'),
    gone,
    'the engine does not have any more: push these apps again',
  ],
  [
    'one that was to be left out',
    onDocker('none'),
    gone,
    'the engine alone has (DEIS_BACKUP_IMAGES): they have to be built again',
  ],
  [
    "one of the platform's registry",
    onDocker('current'),
    own,
    "the platform's own registry does not have any more: push these apps again",
  ],
  [
    "one of the platform's registry that was to be left out",
    onDocker('none'),
    own,
    "the platform's own registry has (DEIS_BACKUP_IMAGES): if that is lost, too, push these apps again",
  ],
  ["one of the operator's registry", onDocker('current', elsewhereSet), own, 'a registry has: they are pulled again'],
  ['one of another registry', onDocker('current'), elsewhere, 'a registry has: they are pulled again'],
  [
    'one on Kubernetes',
    { scheduler: 'kubernetes', slugs: 'all', images: null } as const,
    elsewhere,
    'a registry has: they are pulled again',
  ],
  ['a slug', { scheduler: 'process', slugs: 'all', images: null } as const, gone, null],
  ['an app without a build', onDocker('none'), null, null],
])('%s', (_, platform, artifact, why) => {
  expect(leftOut(platform, [{ id: 'tea', artifact }], [here])).toEqual([
    'logs of apps and of builds, and caches of builds',
    ...(why === null ? [] : [`images of 1 app(s), such as "tea", that ${why}`]),
  ])
})
