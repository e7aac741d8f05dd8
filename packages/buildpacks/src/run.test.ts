// Is a command of a build ended when it cannot be written down, so that no later controller would find it?
import { getEventListeners } from 'node:events'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { groupMembers, type Identity } from '@deis/machine/pid'
import { createRun } from './run.ts'

test('no space for the record of what runs', async () => {
  const { signal } = new AbortController()
  let group: Identity | null = null
  const run = createRun({
    build: 'run-test',
    isolation: { kind: 'group', detail: '', path: process.env.PATH ?? '' },
    runAs: null,
    signal,
    async started(identity) {
      group = identity
      throw new Error('ENOSPC')
    },
  })
  const silent = (): void => {}
  const command = { command: '/bin/sleep', args: ['600'], cwd: tmpdir(), env: {}, stdout: silent, stderr: silent }
  await expect(run(command)).rejects.toThrow('ENOSPC')
  expect(await groupMembers(group!.pid)).toEqual([])
  expect(getEventListeners(signal, 'abort')).toEqual([])
})
