// What does a start say and bring back after a launcher was killed, where others reach the API, and when not all processes of an
// app start again?
import { chmod, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newApp } from './app.ts'
import { newPerson, password, registered } from './client.ts'
import { ask } from './http.ts'
import { type Operator, portsOf, withOperator } from './launcher.ts'
import { processesAround } from './processes.ts'
import { until } from './until.ts'

let folder: string
let startAll: Operator['launch']
withOperator((operator) => void ({ folder, launch: startAll } = operator))

/** With the folder SWITCH there, one process of web never listens, and worker ends. */
const fragile = {
  Procfile: 'web: node server.mjs\nworker: if [ -e "$SWITCH" ]; then exit 3; fi; sleep 100000\n',
  'server.mjs': `import { existsSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
const { SWITCH, PORT, DEIS_POD } = process.env
const isFirst = () => {
  try {
    mkdirSync(SWITCH + '/taken')
    return true
  } catch {
    return false
  }
}
if (existsSync(SWITCH) && isFirst()) setInterval(() => {}, 1000)
else createServer((_request, response) => response.end(DEIS_POD)).listen(PORT)
`,
}

test('of an app whose processes do not all start again, the others answer soon, and are kept', async () => {
  let up = await startAll()
  const ann = await registered(up, 'ann')
  const many = await newApp(ann, 'many', fragile)
  const broken = join(folder, 'broken')
  await many.does('config:set', `SWITCH=${broken}`)
  await many.deploy()
  await many.does('scale', 'web=3', 'worker=1')
  up.running.signal('SIGINT')
  await up.running.ended

  await mkdir(broken)
  await chmod(broken, 0o777)
  up = await startAll({ ports: portsOf(up) })
  const began = Date.now()
  const answering = async (): Promise<string[] | null> => {
    const pods = new Set<string>()
    for (let asked = 0; asked < 10; asked++) {
      const { status, body } = await ask(up, 'many')
      if (status !== 200) return null
      pods.add(body)
    }
    return pods.size === 2 ? [...pods].toSorted() : null
  }
  const two = await until({ what: 'two processes answer' }, answering)
  // A deploy would have waited for the third one.
  expect(Date.now() - began).toBeLessThan(100_000)
  await until({ what: 'the worker was tried again' }, async () =>
    (await many.does('logs', '-n', '100')).includes('process exited with code 3, restarting in 2s'),
  )
  expect(await many.does('ps')).toMatch(/many-worker-\S+ (error|starting) /)
  await until({ what: 'doctor names both' }, async () => {
    const { stdout } = await ann.deis(['doctor'])
    return /web is not ready yet: it does not listen/.test(stdout) && /worker does not run: process exited/.test(stdout)
  })
  expect(await many.does('logs', '-n', '100')).toContain('worker does not run: process exited with code 3')
  expect(await answering()).toEqual(two)
  up.running.signal('SIGINT')
  await up.running.ended
})

test('a killed launcher takes everything with it', async () => {
  const up = await startAll()
  await until({ what: 'the app is back' }, async () => (await ask(up, 'many')).status === 200)
  up.running.signal('SIGKILL')
  await until({ what: 'nothing is left' }, async () => (await processesAround(folder)).length === 0)
})

test('where others reach the API, it shows the token and the line that make the administrator, until there is one', async () => {
  const env = { DEIS_API_HOST: '0.0.0.0', DEIS_DATA_DIR: join(folder, 'open') }
  const open = await startAll({ env })
  const said = open.running.output()
  expect(said).toContain('registering needs this token.')
  const line = /^ {2}deis (register \S+ --token=([0-9a-f]{64}))$/m.exec(said)
  expect(line).not.toBeNull()
  const [, words = '', token = ''] = line ?? []
  const root = await newPerson(open, 'root')
  const account = ['--username', 'root', '--password', password, '--email', 'root@example.com']
  const refused = await root.deis(['register', open.api, ...account])
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('token')])
  await root.does([...words.split(' '), ...account])
  expect(await root.does(['users'])).toBe('=== Users (*=admin)\n*root\n')
  expect(await readFile(join(folder, 'open/logs/controller.log'), 'utf8')).not.toContain(token)
  open.running.signal('SIGINT')
  await open.running.ended

  const again = await startAll({ ports: portsOf(open), env })
  expect(again.running.output()).toContain(`  deis register ${open.api}\n`)
  expect(again.running.output()).not.toContain('token')
  again.running.signal('SIGINT')
  await again.running.ended
})
