import { expect, test } from 'vitest'
import { isNodeRefusal } from './node-refusal.ts'

// As buildah 1.28 to 1.39 print them, by reports of its users.
test.each([
  'Error during unshare(CLONE_NEWUSER): Operation not permitted',
  'time="2026-11-30T12:00:00Z" level=error msg="Error during unshare(CLONE_NEWUSER): Permission denied"',
  'Error writing "0 0 4294967295" to /proc/9/uid_map: write /proc/9/uid_map: operation not permitted',
  'Error: cannot clone: Operation not permitted',
  'Error: writing blob: adding layer with blob "sha256:90e0": ApplyLayer exit status 1 stdout:  stderr: remount /, flags: 0x44000: permission denied',
  'error running subprocess: remounting /dev in mount namespace read-only: permission denied',
  'Error: mount /var/lib/containers/storage/overlay:/var/lib/containers/storage/overlay, flags: 0x1000: permission denied',
])('the node refused: %s', (line) => expect(isNodeRefusal(line)).toBe(true))

test.each([
  'mount: /mnt: permission denied.',
  'STEP 3/4: RUN echo error: mount permission denied',
  'Error: building at STEP "RUN false": exit status 1',
  'error: open /etc/shadow: permission denied',
  'error: could not clone the repository: permission denied',
  '',
])('something else: %j', (line) => expect(isNodeRefusal(line)).toBe(false))
