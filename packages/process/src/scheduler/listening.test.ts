// Is the kernel's table read correctly, and are our own sockets found in it?
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isOtherUsersPort, listeningPorts, readListeners } from './listening.ts'

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (port: number, state: string, uid: number, inode: number): string =>
  `   0: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid}        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`

test('the listening sockets come first, and no others are looked at', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'deis-listening-'))
  const file = join(folder, 'tcp')
  try {
    // More than are read at once.
    const listening = Array.from({ length: 30 }, (_, index) => ({ port: 8080 + index, uid: 40_001, inode: `${index}` }))
    const lines = listening.map(({ port, uid, inode }) => line(port, '0A', uid, Number(inode)))
    for (const others of ['', line(9000, '01', 0, 77), line(9000, '01', 0, 77) + line(9001, '0A', 0, 78)]) {
      await writeFile(file, `${head}${lines.join('')}${others}`)
      expect(await readListeners(file)).toEqual(listening)
    }
    await writeFile(file, head)
    expect(await readListeners(file)).toEqual([])
    expect(await readListeners(join(folder, 'none'))).toEqual([])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test.skipIf(process.platform !== 'linux')('ports of this process, and whose they are', async () => {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0)]
  try {
    await Promise.all(servers.map((server) => once(server, 'listening')))
    const ports = servers.map((server) => (server.address() as { port: number }).port)
    expect(await listeningPorts([process.pid])).toEqual(expect.arrayContaining(ports))
    expect(await listeningPorts([])).toEqual([])
    const uid = process.getuid?.() ?? 0
    for (const port of ports) {
      expect(await isOtherUsersPort(port, uid)).toBe(false)
      expect(await isOtherUsersPort(port, uid + 1)).toBe(true)
    }
  } finally {
    for (const server of servers) server.close()
  }
})
