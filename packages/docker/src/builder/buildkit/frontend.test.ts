// Is every way to have a Dockerfile read by another program found, and allowed for those of the operator's choice only?
import { BuildFailure } from '@deis/ports/builder'
import { expect, test } from 'vitest'
import { frontendFailure, frontendProblem, frontendsOf } from './frontend.ts'

const allowed = ['docker/dockerfile', 'mirror.example.com/docker/dockerfile']

test.each([
  ['FROM scratch', []],
  ['# syntax=docker/dockerfile:1\nFROM scratch', ['docker/dockerfile:1']],
  ['#syntax = a/b\r\nFROM scratch', ['a/b']],
  ['\uFEFF#  SYNTAX=a', ['a']],
  ['#!/usr/bin/env x\n# syntax=a', ['a']],
  ['\n\n  # escape=`\n# syntax=a/b some options\n', ['a/b']],
  ['// syntax=a', ['a']],
  ['# a comment\n# syntax=a\n# syntax=b', ['a', 'b']],
  // Behind an instruction it is a comment.
  ['FROM scratch\n# syntax=a', []],
])('%j', (text, expected) => {
  expect(frontendsOf(text)).toEqual(expected)
})

test.each([
  '# syntax=docker/dockerfile:1',
  '# syntax=docker.io/docker/dockerfile:1.7-labs',
  `# syntax=docker/dockerfile:1@sha256:${'a'.repeat(64)}`,
  '# syntax=mirror.example.com/docker/dockerfile:1',
  'FROM scratch',
])('%s may', (text) => expect(frontendProblem(text, allowed)).toBeNull())

test.each([
  ['# syntax=evil/frontend', 'evil/frontend'],
  ['# syntax=docker/dockerfile.evil.com/x', 'evil.com'],
  ['# syntax=evil.com/docker/dockerfile:1', 'evil.com'],
  ['# syntax=docker/dockerfile:1\n# syntax=evil/x', 'evil/x'],
  ['# syntax=', '""'],
  ['# syntax=docker/DOCKERFILE', 'DOCKERFILE'],
  [' {"syntax": "evil/frontend"}', 'begins with {'],
  ['#!/usr/bin/env x\n{"syntax": "evil/frontend"}', 'begins with {'],
  // What ends a line elsewhere does not for BuildKit.
  ['# x=a\u2028b\n# syntax=evil/frontend', 'evil/frontend'],
  ['# x=a\rb\n# syntax=evil/frontend', 'evil/frontend'],
  ['# syntax=evil/frontend \u2029', 'evil/frontend'],
  // It could be behind what was read of a large file.
  ['# x=y\n'.repeat(20_000), '64 KB of comments'],
  ['# x=\u20ac\n'.repeat(10_000), '64 KB of comments'],
])('%s may not', (text, said) => expect(frontendProblem(text, allowed)).toContain(said))

const unreachable = new BuildFailure(
  'The image could not be built: failed to do request: Head "https://registry-1.docker.io/v2/docker/dockerfile/manifests/1": dial tcp: lookup registry-1.docker.io: no such host.',
)

test('one that the engine could not get is told from other failures', () => {
  const dockerfile = '# syntax=docker/dockerfile:1\nFROM a\n'
  expect(frontendFailure(unreachable, dockerfile)?.message).toContain(
    'The Dockerfile wants to be read by docker/dockerfile:1 (# syntax=), which the engine could not get',
  )
  expect(frontendFailure(unreachable, 'FROM a\n')).toBeNull()
  expect(frontendFailure(new BuildFailure('a: not found.'), dockerfile)).toBeNull()
  expect(frontendFailure(new BuildFailure('RUN docker/dockerfile ended with exit code 1', 1), dockerfile)).toBeNull()
})
