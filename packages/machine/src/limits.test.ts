// How do limits become arguments, and are they what the kernel says then?
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { openIsolation } from './isolation.ts'
import { openLimits, scopeArguments, type Shares } from './limits.ts'

const none = { request: null, limit: null }

test.each<[string, Shares, string[]]>([
  ['nothing but the number of processes', { memory: none, cpu: none }, []],
  [
    'a limit of memory is one without swap',
    { memory: { request: null, limit: 2 ** 26 }, cpu: none },
    ['MemoryMax=67108864', 'MemorySwapMax=0'],
  ],
  [
    'requests',
    { memory: { request: 2 ** 25, limit: 2 ** 26 }, cpu: { request: 0.5, limit: 2 } },
    ['MemoryMax=67108864', 'MemorySwapMax=0', 'MemoryLow=33554432', 'CPUQuota=200%', 'CPUWeight=50'],
  ],
  [
    'the least and the most that systemd takes',
    { memory: none, cpu: { request: 900, limit: 0.001 } },
    ['CPUQuota=1%', 'CPUWeight=10000'],
  ],
])('%s', (_what, shares, properties) => {
  const found = scopeArguments('deis-a', shares)
  expect(found.filter((one) => one.startsWith('--property='))).toEqual(
    ['TasksMax=4096', 'TimeoutStopSec=30', ...properties].map((one) => `--property=${one}`),
  )
  expect(found.at(-1)).toBe('--')
})

const limits = await openLimits((await openIsolation()).path)

test.skipIf(limits.enforced)(
  'a machine that cannot limit says why, and changes nothing (without systemd and cgroups)',
  () => {
    expect(limits.reason).toMatch(/only root|systemd/)
    expect([...limits.scope('deis-a', { memory: none, cpu: none }), ...limits.join(1)]).toEqual([])
  },
)

describe.skipIf(!limits.enforced)('as root, with systemd and cgroups', () => {
  test('what joins a process counts as part of its scope', async () => {
    const read = 'cat /proc/self/cgroup'
    const [file = '', ...args] = limits.scope(`deis-test-${process.pid}`, { memory: none, cpu: none })
    const inner = limits
      .join(process.pid)
      .map((one) => (one === String(process.pid) ? '"$pid"' : `'${one.replaceAll("'", "'\\''")}'`))
    const script = `pid=$$; ${read}; (exec sleep 5) & pid=$!; ${inner.join(' ')} ${read}; kill $pid`
    const { stdout } = await promisify(execFile)(file, [...args, '/bin/sh', '-c', script])
    const [own, joined] = stdout.trim().split('\n')
    expect(own).toMatch(/deis-apps\.slice\/deis-test-\d+\.scope$/)
    expect(joined).toBe(own)
  })
})
