// What may a container of a build see and use, and what is in the archive that fills its volumes?
import { Readable } from 'node:stream'
import { Parser, type ReadEntry } from 'tar'
import { describe, expect, test } from 'vitest'
import { stepBody, type StepContainer } from './step.ts'
import { type OwnFile, tarOf } from './workspace.ts'

const step: StepContainer = {
  name: 'deis-build-1-detect',
  image: 'heroku/builder@sha256:1',
  command: ['/cnb/lifecycle/detector', '-app', '/workspace'],
  env: { CNB_PLATFORM_API: '0.13', EMPTY: '', ODD: 'a=b c' },
  user: '1000:1000',
  volumes: { 'deis-build-1-layers': '/layers', 'deis-build-1-workspace': '/workspace' },
  network: 'none',
  labels: { 'io.deis.kind': 'build' },
}
type Given = Parameters<typeof stepBody>
const engine = (info: object): Given[2] => ({ info, init: true }) as Given[2]
const able = engine({ SwapLimit: true, PidsLimit: true })
const limits = { memory: '256Mi', cpu: '500m' }

describe('a container', () => {
  test('of a step', () => {
    expect(stepBody(step, limits, able)).toEqual({
      Image: 'heroku/builder@sha256:1',
      Entrypoint: ['/cnb/lifecycle/detector', '-app', '/workspace'],
      Cmd: [],
      Env: ['CNB_PLATFORM_API=0.13', 'EMPTY=', 'ODD=a=b c'],
      User: '1000:1000',
      Labels: { 'io.deis.kind': 'build' },
      Healthcheck: { Test: ['NONE'] },
      HostConfig: {
        PidsLimit: 4096,
        Memory: 256 * 2 ** 20,
        MemorySwap: 256 * 2 ** 20,
        CpuPeriod: 100_000,
        CpuQuota: 50_000,
        Init: true,
        RestartPolicy: { Name: 'no' },
        LogConfig: { Type: 'none' },
        NetworkMode: 'none',
        Mounts: [
          { Type: 'volume', Source: 'deis-build-1-layers', Target: '/layers' },
          { Type: 'volume', Source: 'deis-build-1-workspace', Target: '/workspace' },
        ],
        SecurityOpt: ['no-new-privileges=true'],
        CapDrop: ['ALL'],
      },
    })
  })

  test.each([
    ['no swap limit', { SwapLimit: false, PidsLimit: true }, limits, { Memory: 256 * 2 ** 20, PidsLimit: 4096 }],
    ['no limit of processes', { SwapLimit: true, PidsLimit: false }, limits, { PidsLimit: undefined }],
    [
      'more cores than there are',
      { SwapLimit: true, PidsLimit: true },
      { ...limits, cpu: '64' },
      { CpuQuota: 6_400_000 },
    ],
  ])('on an engine with %s', (_, info, given, expected) => {
    const body = stepBody(step, given, engine(info)) as { HostConfig: Record<string, unknown> }
    const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, body.HostConfig[key]]))
    expect(seen).toEqual(expected)
    // A mount of the host or the engine's socket would be a bind.
    expect(body.HostConfig).not.toHaveProperty('Binds')
    expect(body.HostConfig).not.toHaveProperty('Privileged')
  })
})

async function entriesOf(tar: Buffer): Promise<object[]> {
  const found: object[] = []
  const parser = new Parser({
    strict: true,
    onReadEntry(entry: ReadEntry) {
      const chunks: Buffer[] = []
      const { path, type, mode, uid, gid } = entry
      entry.on('data', (chunk: Buffer) => chunks.push(chunk))
      entry.on('end', () => found.push({ path, type, mode, uid, gid, text: Buffer.concat(chunks).toString() }))
    },
  })
  for await (const chunk of Readable.from([tar])) parser.write(chunk as Buffer)
  parser.end()
  return found
}

describe('the archive of the platform’s own files', () => {
  const owner = { uid: 1000, gid: 1001 }
  const long = `platform/env/${'N'.repeat(250)}`
  const file = (path: string, text: string) => ({ path, type: 'File', mode: 0o644, ...owner, text })

  test.each<[string, readonly OwnFile[], object[]]>([
    [
      'a folder',
      [{ path: 'layers/', text: null }],
      [{ path: 'layers/', type: 'Directory', mode: 0o755, ...owner, text: '' }],
    ],
    ['a file as it is', [{ path: 'platform/env/A', text: 'x y\nz' }], [file('platform/env/A', 'x y\nz')]],
    ['an empty file', [{ path: 'platform/env/A', text: '' }], [file('platform/env/A', '')]],
    ['a whole block', [{ path: 'a', text: 'x'.repeat(512) }], [file('a', 'x'.repeat(512))]],
    [
      'more than ASCII',
      [
        { path: 'a', text: 'grün €' },
        { path: 'b', text: 'c' },
      ],
      [file('a', 'grün €'), file('b', 'c')],
    ],
    ['a long name', [{ path: long, text: 'v' }], [file(long, 'v')]],
  ])('%s', async (_, files, expected) => {
    const tar = tarOf(files, owner)
    expect(tar.length % 512).toBe(0)
    expect(await entriesOf(tar)).toEqual(expected)
  })
})
