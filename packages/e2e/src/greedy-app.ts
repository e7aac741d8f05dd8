// What is an app that takes more than it may, when it is asked to?

/** `/fork` starts processes until it may not, ends them, and answers with how many and why; `/eat` takes memory until it is killed. */
export const greedyServer = `const { spawn } = require('child_process')
const bomb = 'exec 3<&0; for n in {1..6000}; do (read -r _ <&3) & echo; done'
require('http').createServer((asked, answer) => {
  if (asked.url === '/eat') { const all = []; setInterval(() => all.push(Buffer.alloc(2 ** 24, 1)), 5); return answer.end() }
  if (asked.url !== '/fork') return answer.end(process.getuid() + ' ' + process.env.GREETING)
  const child = spawn('/bin/bash', ['-c', bomb], { detached: true })
  let count = 0
  child.stdout.on('data', (lines) => (count += lines.length))
  const end = (why) => { answer.end(count + ' ' + why); process.kill(-child.pid, 'SIGKILL') }
  child.stderr.once('data', end)
  child.once('exit', (code) => { if (code === 0) end('no end') })
}).listen(process.env.PORT)
`
