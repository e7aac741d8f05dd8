// Is the strongest kind taken that this machine can do, and never a weaker one by mistake?
import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { openIsolation } from './isolation.ts'

const root = process.getuid?.() === 0

function can(...words: string[]): boolean {
  try {
    execFileSync('unshare', [...words, '--pid', '--fork', '--mount-proc', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

test.skipIf(!root || !can())('as root, where namespaces can be made', async () => {
  expect((await openIsolation()).kind).toBe('namespace')
})

test.skipIf(root || !can('--user', '--map-current-user'))('without root, where namespaces can be made', async () => {
  expect((await openIsolation()).kind).toBe('user-namespace')
})
