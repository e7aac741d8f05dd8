// Does what is small and stands for something huge end with a reason, soon and in little memory, again and again?
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { text } from 'node:stream/consumers'
import { createGzip, gzipSync } from 'node:zlib'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Checkout, newApp } from '../app.ts'
import { type Person, registered } from '../client.ts'
import { type Platform, startPlatform } from '../platform.ts'
import { heaviestDuring } from '../weight.ts'

const rounds = 20
// A deploy of nothing takes seconds and well under 200 MB; what these stood for took minutes, and gigabytes.
const mostSeconds = 30
const mostMegabytes = 700

let platform: Platform
let ann: Person
let shop: Checkout
beforeAll(async () => {
  platform = await startPlatform({ DEIS_MAX_SOURCE_MB: '32', DEIS_MAX_SLUG_MB: '16' })
  ann = await registered(platform, 'ann')
  shop = await newApp(ann, 'shop')
  // What is built is looked at; nothing of it needs to run.
  await shop.deploy()
  await shop.does('scale', 'web=0')
})
afterAll(() => platform?.stop())

/** Does it 20 times; each time within its bounds. */
async function again(round: (number: number) => Promise<void>): Promise<void> {
  for (let number = 0; number < rounds; number++) {
    const started = performance.now()
    const megabytes = await heaviestDuring(platform.controllerPid, () => round(number))
    expect([number, (performance.now() - started) / 1000 < mostSeconds]).toEqual([number, true])
    expect(megabytes).toBeLessThan(mostMegabytes)
  }
}

async function git(args: readonly string[], input: Buffer | string): Promise<string> {
  const child = spawn('git', [...args], { cwd: shop.folder, env: ann.env, stdio: ['pipe', 'pipe', 'inherit'] })
  // Whatever it does not read, it says why.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'close')])
  if (code !== 0) throw new Error(`git ${args.join(' ')} ended with code ${String(code)}`)
  return out.trim()
}

const blob = (content: Buffer | string): Promise<string> => git(['hash-object', '-w', '--stdin'], content)
const tree = (entries: readonly string[]): Promise<string> => git(['mktree'], entries.map((one) => `${one}\n`).join(''))

/** Pushes a tree as one commit more than what is there. */
async function pushTree(id: string): Promise<string> {
  const commit = await git(['commit-tree', '-p', 'master', '-m', 'A bomb', id], '')
  const { code, stderr } = await shop.push('deis', `${commit}:refs/heads/master`)
  expect(code).toBe(1)
  return stderr.replaceAll(/^remote: /gm, '').replaceAll(/ +$/gm, '')
}

test('8 levels of 10 folders with one file', { timeout: 400_000 }, async () => {
  await again(async (number) => {
    let inner = await tree([`100644 blob ${await blob(`round ${number}`)}\tf`])
    for (let level = 0; level < 8; level++)
      inner = await tree(Array.from({ length: 10 }, (_, i) => `040000 tree ${inner}\td${i}`))
    expect(await pushTree(inner)).toContain('The source has more than 200000 files and folders. Remove')
  })
})

test('a file of zeros, and the same file many times', { timeout: 400_000 }, async () => {
  await again(async (number) => {
    const zeros = Buffer.alloc((number % 2 === 0 ? 40 : 12) * 2 ** 20)
    zeros.write(`round ${number}`)
    const id = await blob(zeros)
    const names = number % 2 === 0 ? ['a'] : ['a', 'b', 'c']
    expect(await pushTree(await tree(names.map((name) => `100644 blob ${id}\t${name}`)))).toMatch(
      /("a" alone|The source) is \d+ MB; at most 32 MB are allowed/,
    )
  })
})

test('hard links in what is built: many to one, and as the last entries', { timeout: 600_000 }, async () => {
  const hook = `#!/bin/sh
mkdir links && cd links
for d in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do mkdir d$d; echo $d >d$d/own; done
for d in 0 1 2 3 4 5 6 7 8 9 10 11 12 13; do ln d0/own d$d/shared; done
cd .. && mkdir z && cd z
echo MIT >a; echo one >b; ln b y; ln a z1
`
  await shop.commit({ 'bin/post-compile': hook })
  await again(async (number) => {
    await shop.deploy({ round: String(number) })
  })
  const said = await shop.does('run', 'cd z; cat a b y z1; stat -c %h b y ../links/d0/own; ls ../links | wc -l')
  expect(said.trim().split('\n').slice(-8)).toEqual(['MIT', 'one', 'one', 'MIT', '2', '2', '15', '20'])
  await shop.commit({ 'bin/post-compile': null })
})

test('files without end in what is built', { timeout: 400_000 }, async () => {
  await again(async (number) => {
    const what = number % 2 === 0 ? 'truncate -s 1T big' : 'head -c 20000000 /dev/urandom >big'
    await shop.commit({ 'bin/post-compile': `#!/bin/sh\n${what}\n`, round: `${number}` })
    const { code, stderr } = await shop.push()
    expect([code, stderr]).toEqual([1, expect.stringMatching(/The slug cannot be made: the app is larger than \d+ MB/)])
  })
  await shop.commit({ 'bin/post-compile': null })
})

/** A tar's header: of a file of that size, or of a folder (5). */
function header(name: string, size: number, type = '0'): Buffer {
  const block = Buffer.alloc(512)
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write(`00000000000\0        ${type}`, 136)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

async function zipped(parts: () => Iterable<Buffer>): Promise<Buffer> {
  const packed: Buffer[] = []
  await pipeline(Readable.from(parts()), createGzip({ level: 9 }), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) packed.push(chunk)
  })
  return Buffer.concat(packed)
}

const megabyte = Buffer.alloc(2 ** 20)
function* zeros(megabytes: number): Generator<Buffer> {
  for (let left = megabytes; left > 0; left--) yield megabyte
}

test('archives of a buildpack that unpack to gigabytes, or to nothing but more', { timeout: 400_000 }, async () => {
  const inner = await zipped(() => zeros(200))
  const bombs: readonly (readonly [Buffer, RegExp])[] = [
    [await zipped(() => [header('x', 8 * 2 ** 30 - 1), ...zeros(1)]), /unpacks to more than 1073741824 bytes/],
    [await zipped(() => [header('x', 100 * 2 ** 20), ...zeros(100), header('y', 2 ** 30)]), /unpacks to more than/],
    [gzipSync(inner), /use gzip, once/],
    [gzipSync(Buffer.alloc(512 * 110_000, header('d/', 0, '5'))), /more than 100000 entries/],
  ]
  let bomb = 0
  const server: Server = createServer((_, response) =>
    response.writeHead(200, { connection: 'close' }).end(bombs[bomb]?.[0]),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await shop.does('config:set', `BUILDPACK_URL=http://127.0.0.1:${port}/bomb.tgz`)
    await again(async (number) => {
      bomb = number % bombs.length
      await shop.commit({ round: `archive ${number}` })
      const { code, stderr } = await shop.push()
      expect([code, stderr]).toEqual([1, expect.stringMatching(bombs[bomb]?.[1] ?? /never/)])
    })
    await shop.does('config:unset', 'BUILDPACK_URL')
  } finally {
    server.close()
  }
  // After all of it, what is honest is taken.
  await shop.deploy({ round: 'honest' })
})
