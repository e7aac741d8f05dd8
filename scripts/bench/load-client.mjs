// How are requests sent as fast as they are answered, where no better load generator is installed?
//   node load-client.mjs URL HEADERS SECONDS CONNECTIONS      prints {"rate", "requests"}
import { connect } from 'node:net'

const [url, headers, seconds, connections] = process.argv.slice(2)
const { hostname, port, pathname, search, host } = new URL(url)
const lines = Object.entries({ Host: host, ...JSON.parse(headers) }).map(([name, value]) => `${name}: ${value}\r\n`)
const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)

let requests = 0
let over = false

/** Where the answer at the beginning of the text ends; -1 when it is not all there yet. */
function endOfAnswer(text) {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return -1
  if (!text.startsWith('HTTP/1.1 2')) throw new Error(`a request failed: ${text.slice(0, head)}`)
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))
  if (length) return text.length >= head + 4 + Number(length[1]) ? head + 4 + Number(length[1]) : -1
  const last = text.indexOf('\r\n0\r\n\r\n', head)
  return last < 0 ? -1 : last + 7
}

function open() {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let text = ''
  socket.on('connect', () => socket.write(request))
  socket.on('data', (data) => {
    text += data.toString('latin1')
    const end = endOfAnswer(text)
    if (end < 0) return
    text = text.slice(end)
    requests++
    if (over) socket.destroy()
    else socket.write(request)
  })
  socket.on('error', (error) => {
    throw error
  })
  socket.on('end', () => {
    throw new Error('the server closed a connection')
  })
}

const started = performance.now()
for (let one = 0; one < Number(connections); one++) open()
setTimeout(
  () => {
    over = true
    const elapsed = (performance.now() - started) / 1000
    process.stdout.write(JSON.stringify({ rate: requests / elapsed, requests }))
  },
  Number(seconds) * 1000,
)
