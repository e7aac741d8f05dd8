// How are requests sent as fast as they are answered, where no better load generator is installed?
//   node load-client.mjs URL HEADERS SECONDS CONNECTIONS      prints {"rate", "requests", "p99"}, the last in milliseconds
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

const [url, headersText, seconds, connections] = process.argv.slice(2)
const headers = JSON.parse(headersText)
const { protocol, hostname, port, pathname, search, host } = new URL(url)
const lines = Object.entries({ Host: host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)
/** Each request has a connection of its own, which either end closes. */
const closes = Object.entries(headers).some(([name, value]) => /^connection$/i.test(name) && value === 'close')

const times = []
let over = false

/** How many bytes the answer at the beginning of the text has; -1 when that is not known yet. */
function lengthOf(text) {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return -1
  if (!text.startsWith('HTTP/1.1 2')) throw new Error(`a request failed: ${text.slice(0, head)}`)
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head))
  if (length) return head + 4 + Number(length[1])
  const last = text.indexOf('\r\n0\r\n\r\n', head)
  return last < 0 ? -1 : last + 7
}

function open() {
  const to = { host: hostname, port: Number(port), noDelay: true }
  const encrypted = protocol === 'https:'
  const socket = encrypted ? connectTls({ ...to, servername: hostname, rejectUnauthorized: false }) : connect(to)
  let text = ''
  let length = -1
  let got = 0
  let sent = performance.now()
  const ask = () => {
    if (!closes) sent = performance.now()
    socket.write(request)
  }
  socket.on(encrypted ? 'secureConnect' : 'connect', ask)
  socket.on('data', (data) => {
    got += data.length
    if (length < 0) {
      text += data.toString('latin1')
      length = lengthOf(text)
    }
    if (length < 0 || got < length) return
    times.push(performance.now() - sent)
    text = ''
    length = -1
    got = 0
    if (over || closes) socket.destroy()
    if (over) return
    if (closes) open()
    else ask()
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
    const rate = times.length / ((performance.now() - started) / 1000)
    const p99 = times.toSorted((a, b) => a - b)[Math.ceil(times.length * 0.99) - 1]
    process.stdout.write(JSON.stringify({ rate, requests: times.length, p99 }))
  },
  Number(seconds) * 1000,
)
