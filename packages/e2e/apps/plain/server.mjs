// What may an app do that the tests look at? Without dependencies, so that it is built in no time.
/* oxlint-disable no-console, unicorn/no-process-exit -- apps print and end as they like */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const settings = JSON.parse(readFileSync('settings.json', 'utf8'))
const boot = process.env.BOOT ?? settings.boot

console.log(`booting ${process.env.WORKFLOW_RELEASE}`)
if (boot === 'crash' || (settings.needs && !process.env[settings.needs])) {
  console.error(`cannot live without ${settings.needs ?? 'luck'}`)
  process.exit(7)
}

/** Tells that it got here, and goes on when the test lets it. */
async function waitAtBarrier(barrier) {
  writeFileSync(`${barrier}.${process.env.DEIS_POD}`, '')
  while (!existsSync(`${barrier}.open`)) await sleep(20)
}
if (process.env.BARRIER) await waitAtBarrier(process.env.BARRIER)

/** The answer, or the code of the error. */
function attempt(work) {
  try {
    return { answer: work() }
  } catch (error) {
    return { refused: error.code }
  }
}

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const routes = {
  '/': () => ({
    message: settings.message,
    greeting: process.env.GREETING ?? null,
    release: process.env.WORKFLOW_RELEASE,
    pid: process.pid,
    pod: process.env.DEIS_POD,
    uid: process.getuid(),
  }),
  '/env': () => process.env,
  '/read': ({ searchParams }) => attempt(() => readFileSync(searchParams.get('path'), 'utf8')),
  '/list': ({ searchParams }) => attempt(() => readdirSync(searchParams.get('path'))),
}

async function answer(request, response) {
  const url = new URL(request.url, 'http://app')
  if (request.method === 'POST') {
    response.end(await bodyOf(request))
    return
  }
  if (url.pathname === '/slow') {
    for (let part = 0; part < Number(url.searchParams.get('parts')); part++) {
      response.write(`part ${part}\n`)
      await sleep(100)
    }
    response.end(`end ${process.pid}\n`)
    return
  }
  const route = routes[url.pathname]
  response.writeHead(route ? 200 : 404, { 'content-type': 'application/json' })
  response.end(JSON.stringify(route ? route(url) : null))
}

const server = createServer((request, response) => void answer(request, response))

/** Sends short text messages back; whatever else comes ends the connection. */
server.on('upgrade', (request, socket) => {
  const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']
  socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accept}`].join('\r\n')}\r\n\r\n`)
  socket.on('error', () => socket.destroy())
  socket.on('data', (frame) => {
    const size = frame[1] & 0x7f
    if (frame[0] !== 0x81 || size > 125) {
      socket.end(Buffer.from([0x88, 0]))
      return
    }
    const text = Buffer.from(frame.subarray(6, 6 + size).map((byte, index) => byte ^ frame[2 + (index % 4)]))
    socket.write(Buffer.concat([Buffer.from([0x81, size]), text]))
  })
})

if (boot === 'silent') {
  console.log('forgets to listen')
  setInterval(() => {}, 60_000)
} else {
  server.listen(Number(process.env.PORT), () => console.log(`listening in ${process.env.WORKFLOW_RELEASE}`))
}
