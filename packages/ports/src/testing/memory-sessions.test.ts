// Do simulated commands behave as memory-sessions.ts says?
import { expect, test } from 'vitest'
import { screen, type Seat, takeSeat } from './contract-terminal.ts'
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
const open = (command: string, { io }: Seat): Promise<Session> => createMemoryScheduler().open(oneOff(command), io)

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
  const seat = takeSeat({ terminal })
  expect(await (await open(command, seat)).exited).toBe(code)
  expect([seat.stdout().toString(), seat.stderr().toString()]).toEqual([stdout, stderr])
})

test.each([
  [3, 130],
  [4, 0],
])('cat at a terminal ends with byte %i: %i', async (byte, code) => {
  const seat = takeSeat({ terminal: true })
  const session = await open('cat', seat)
  seat.input.write('some')
  await seat.shows('some')
  seat.input.write(Buffer.from([0x61, byte, 0x62]))
  expect(await session.exited).toBe(code)
  expect(seat.stdout().toString()).toBe('somea')
})

test('a terminal tells its size whenever it changes, until it is hung up', async () => {
  const seat = takeSeat({ terminal: true })
  const session = await open('terminal', seat)
  await seat.shows(`${screen.name} ${screen.rows} ${screen.columns}\r\n`)
  session.resize({ columns: 132, rows: 43 })
  await seat.shows(`${screen.name} 43 132\r\n`)
  await session.kill('HUP')
  expect(await session.exited).toBe(129)
})

test('output that cannot be handed over ends the command with its failure', async () => {
  const { io } = takeSeat({ terminal: true })
  const lost = { ...io, output: () => Promise.reject(new Error('nobody is there')) }
  const { exited } = await createMemoryScheduler().open(oneOff('terminal'), lost)
  await expect(exited).rejects.toThrow('nobody is there')
})
