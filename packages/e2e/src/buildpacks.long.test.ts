// Does source code in each language become an app that answers?
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Files, newApp, newCheckout } from './app.ts'
import { mustWork, type Person } from './client.ts'
import { ask } from './http.ts'
import type { Platform } from './platform.ts'
import { withUser } from './with-app.ts'

let platform: Platform
let ann: Person

withUser((given) => void ({ platform, ann } = given))

const works = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

const nodeServer = `require('http').createServer((_, res) => res.end('node ' + process.env.NODE_ENV)).listen(process.env.PORT)\n`
const pythonServer = `
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"python")
HTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`
const rubyServer = `
require 'socket'
server = TCPServer.new('0.0.0.0', ENV['PORT'].to_i)
loop do
  client = server.accept
  while (line = client.gets) && line != "\\r\\n"; end
  client.write "HTTP/1.1 200 OK\\r\\nContent-Length: 4\\r\\nConnection: close\\r\\n\\r\\nruby"
  client.close
end
`
// Without the net package, which takes a long time to compile.
const goServer = `package main

import "syscall"

func main() {
	port := 0
	value, _ := syscall.Getenv("PORT")
	for _, digit := range value {
		port = port*10 + int(digit-'0')
	}
	server, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err := syscall.Bind(server, &syscall.SockaddrInet4{Port: port}); err != nil {
		panic(err)
	}
	if err := syscall.Listen(server, 16); err != nil {
		panic(err)
	}
	for {
		client, _, err := syscall.Accept(server)
		if err != nil {
			panic(err)
		}
		syscall.Read(client, make([]byte, 4096))
		syscall.Write(client, []byte("HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\ngo"))
		syscall.Close(client)
	}
}
`

type Language = {
  readonly name: string
  readonly needs?: boolean
  readonly files: Files
  readonly config?: string
  /** Lines of the push. */
  readonly says: readonly string[]
  readonly answers: string
}

const languages: readonly Language[] = [
  {
    name: 'node, by its start script',
    files: {
      'package.json': JSON.stringify({ scripts: { start: 'node index.js', build: 'node -e "console.log(1 + 1)"' } }),
      'index.js': nodeServer,
    },
    says: ['-----> Node.js app detected', '       2', '       Default process types for Node.js -> web'],
    answers: 'node production',
  },
  {
    name: 'static',
    files: { 'index.html': '<p>static</p>\n', 'about.html': '<p>about</p>\n' },
    says: ['-----> Static app detected', '       Default process types for Static -> web'],
    answers: '<p>static</p>\n',
  },
  {
    name: 'python',
    needs: works('python3', '--version'),
    files: { 'pyproject.toml': '[tool.none]\n', 'app.py': pythonServer },
    says: ['-----> Python app detected', '       Default process types for Python -> web'],
    answers: 'python',
  },
  {
    name: 'ruby',
    needs: works('ruby', '--version') && works('bundle', '--version'),
    files: { Gemfile: '', 'server.rb': rubyServer, Procfile: 'web: ruby server.rb\n' },
    says: ['-----> Ruby app detected', '       Procfile declares types -> web'],
    answers: 'ruby',
  },
  {
    name: 'go',
    needs: works('go', 'version'),
    config: 'CGO_ENABLED=0',
    files: { 'go.mod': 'module example.com/hello\n\ngo 1.18\n', 'main.go': goServer },
    says: ['-----> Go app detected', '       Default process types for Go -> web'],
    answers: 'go',
  },
]

describe.each(languages)('$name', ({ name, needs = true, files, config, says, answers }) => {
  test.skipIf(!needs)('is built and answers (skipped without its tools)', async () => {
    const app = await newApp(ann, name.split(',')[0] ?? name, files)
    if (config !== undefined) await app.does('config:set', config)
    const said = (await app.deploy()).split('\n').map((line) => line.replace(/^remote: /, '').trimEnd())
    for (const line of says) expect(said).toContain(line)
    expect(await ask(platform, app.app)).toEqual({ status: 200, body: answers })
    await app.does('destroy', '--confirm', app.app)
  })
})

test('what no buildpack knows is declined, with what each looks for', async () => {
  const odd = await newApp(ann, 'odd', { 'README.md': '# Nothing to run\n' })
  const { code, stderr } = await odd.push()
  expect(code).toBe(1)
  expect(stderr).toContain('-----> Unable to select a buildpack')
  expect(stderr).toContain('package.json')
})

test('a buildpack of one’s own, from a git repository, at its branch, tag or commit', async () => {
  const pack = (word: string): Files => ({
    'bin/detect': '#!/bin/sh\necho Own\n',
    'bin/compile': `#!/bin/sh\necho "compiling ${word} with $(cat "$3/LEVEL")"\necho ${word} > "$1/word"\n`,
    'bin/release': `#!/bin/sh\ncat <<EOF\n---\ndefault_process_types:\n  web: node index.js\nEOF\n`,
  })
  // Not in a person's home, which is closed to the app's user.
  const upstream = await newCheckout(ann, 'upstream', pack('first'))
  const first = (await ann.git(['rev-parse', 'HEAD'], upstream.folder)).stdout.trim()
  await upstream.commit(pack('second'))
  const open = join(platform.folder, 'buildpack.git')
  mustWork(await ann.git(['clone', '--quiet', '--bare', upstream.folder, open], platform.folder), 'git clone')

  const reader = `require('http').createServer((_, res) => res.end(require('fs').readFileSync('word'))).listen(process.env.PORT)\n`
  const app = await newCheckout(ann, 'packed', { 'index.js': reader })
  await app.does('create', 'packed', '--buildpack', `file://${open}`)
  await app.does('config:set', 'LEVEL=9')
  const said = await app.deploy()
  expect(said).toContain('-----> Fetching custom buildpack')
  expect(said).toContain('-----> Own app detected')
  expect(said).toContain('       compiling second with 9')
  expect(await ask(platform, 'packed')).toEqual({ status: 200, body: 'second\n' })

  await app.does('config:set', `BUILDPACK_URL=file://${open}#${first}`)
  expect(await app.deploy({ 'more.txt': '' })).toContain('       compiling first with 9')
  expect(await ask(platform, 'packed')).toEqual({ status: 200, body: 'first\n' })

  await app.does('config:set', `BUILDPACK_URL=file://${open}#nothing`)
  await app.commit({ 'more.txt': 'more' })
  expect(await app.push()).toMatchObject({ code: 1 })
  expect(await ask(platform, 'packed')).toEqual({ status: 200, body: 'first\n' })
})
