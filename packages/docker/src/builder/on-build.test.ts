// Are images found that the ONBUILD instructions of a base image name?
import { expect, test } from 'vitest'
import { referencesOnBuild } from './on-build.ts'

test.each<[string[], string[], string[]]>([
  [[], [], []],
  [['COPY . .', 'RUN true'], [], []],
  [['COPY --from=a / /', 'ADD --from=b / /'], [], ['a', 'b']],
  [['RUN --mount=from=$OF,target=/x true'], ['OF=c=d', 'EMPTY'], ['c=d']],
  // As in a Dockerfile: what was not declared is empty.
  [['ARG GIVEN', 'RUN --mount=from=$GIVEN,target=/x true'], [], ['given']],
  [['RUN --mount=from=$GIVEN,target=/x true'], [], []],
])('%j', (onBuild, env, expected) => {
  expect(referencesOnBuild({ env, onBuild }, { GIVEN: 'given' })).toEqual(expected)
})
