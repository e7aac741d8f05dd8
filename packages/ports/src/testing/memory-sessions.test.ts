// Do simulated commands behave as memory-sessions.ts says?
import { expect, test } from 'vitest'
import { screen, type Client, openClient } from './contract-client.ts'
import { createMemoryScheduler } from './memory.ts'
import type { OneOff, Session } from '../scheduler.ts'

const oneOff = (command: string): OneOff => ({
  app: 'tea',
  release: 1,
  artifact: { kind: 'slug', digest: `sha256:${'0'.repeat(64)}` },
  env: { COLOR: 'green' },
  tags: {},
  registry: {},
  pullPolicy: 'IfNotPresent',
  command,
  timeoutSeconds: 20,
})
const open = (command: string, { io }: Client): Promise<Session> => createMemoryScheduler().open(oneOff(command), io)

test.each([
  ['echo a b', false, 'a b\n', '', 0],
  ['echo a b', true, 'a b\r\n', '', 0],
  ['error it broke', false, '', 'it broke\n', 0],
  ['error it broke', true, 'it broke\r\n', '', 0],
  ['printenv COLOR', false, 'green\n', '', 0],
  ['printenv SIZE', false, '', '', 1],
  ['crash', false, 'boom\n', '', 1],
  ['exit 9', true, '', '', 9],
  ['terminal', false, 'none\n', '', 0],
  ['whatever', true, '', '', 0],
])('%s (terminal: %s)', async (command, terminal, stdout, stderr, code) => {
  const client = openClient({ terminal })
  expect(await (await open(command, client)).exited).toBe(code)
  expect([client.stdout().toString(), client.stderr().toString()]).toEqual([stdout, stderr])
})

test.each([
  [3, 130],
  [4, 0],
])('cat at a terminal ends with byte %i: %i', async (byte, code) => {
  const client = openClient({ terminal: true })
  const session = await open('cat', client)
  client.input.write('some')
  await client.shows('some')
  client.input.write(Buffer.from([0x61, byte, 0x62]))
  expect(await session.exited).toBe(code)
  expect(client.stdout().toString()).toBe('somea')
})

test('a terminal tells its size whenever it changes, until it is hung up', async () => {
  const client = openClient({ terminal: true })
  const session = await open('terminal', client)
  await client.shows(`${screen.name} ${screen.rows} ${screen.columns}\r\n`)
  session.resize({ columns: 132, rows: 43 })
  await client.shows(`${screen.name} 43 132\r\n`)
  await session.kill('HUP')
  expect(await session.exited).toBe(129)
})

test('output that cannot be handed over ends the command with its failure', async () => {
  const { io } = openClient({ terminal: true })
  const lost = { ...io, output: () => Promise.reject(new Error('the client is gone')) }
  const { exited } = await createMemoryScheduler().open(oneOff('terminal'), lost)
  await expect(exited).rejects.toThrow('the client is gone')
})
