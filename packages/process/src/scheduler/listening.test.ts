// Is the kernel's table read correctly, and are our own sockets found in it?
import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { isOtherUsersPort, listeningPorts, parseListeners } from './listening.ts'

test('only listening sockets count', () => {
  const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 40001        0 11111 1 0000000000000000 100 0 0 10 0
   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 22222 1 0000000000000000 20 4 30 10 -1
`
  expect(parseListeners(table)).toEqual([{ port: 8080, uid: 40_001, inode: '11111' }])
  expect(parseListeners('')).toEqual([])
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
