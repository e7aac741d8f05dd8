// What do 200 apps on a cluster cost the controller: memory, and calls to the Kubernetes API?
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { once } from 'node:events'
import { cluster, kubectl, startOnCluster } from './cluster.mjs'

const apps = 200
const withPod = 20
const atOnce = 4
const restSeconds = 60

/** Counts what passes through it to the cluster's API; watches and followed logs count as one call each. */
async function countingProxy(scope, folder) {
  const { stdout: text } = await kubectl(scope, 'config', 'view', '--raw', '--minify', '--flatten', '--output=json')
  const config = JSON.parse(text)
  const [{ cluster: to }] = config.clusters
  const [{ user }] = config.users
  const decoded = (data) => (data === undefined ? undefined : Buffer.from(data, 'base64'))
  const identity = {
    ca: decoded(to['certificate-authority-data']),
    cert: decoded(user['client-certificate-data']),
    key: decoded(user['client-key-data']),
  }
  const counts = new Map()
  const server = createServer((incoming, outgoing) => {
    counts.set(incoming.method, (counts.get(incoming.method) ?? 0) + 1)
    const headers = { ...incoming.headers, host: new URL(to.server).host }
    const onward = request(
      new URL(incoming.url, to.server),
      { method: incoming.method, headers, ...identity },
      (answer) => {
        outgoing.writeHead(answer.statusCode, answer.headers)
        answer.pipe(outgoing)
      },
    )
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  const file = join(folder, 'kubeconfig')
  writeFileSync(
    file,
    JSON.stringify({
      ...config,
      clusters: [
        {
          name: 'test',
          cluster: { server: `http://127.0.0.1:${server.address().port}`, 'insecure-skip-tls-verify': true },
        },
      ],
      users: [{ name: 'admin', user: {} }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      'current-context': 'test',
    }),
    { mode: 0o600 },
  )
  return {
    file,
    take: () =>
      [...counts]
        .toSorted(([left], [right]) => (left < right ? -1 : 1))
        .map(([name, count]) => (counts.delete(name), `${count} ${name}`))
        .join(', ') || 'none',
  }
}

const rss = (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024

async function inParallel(count, work) {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

export async function measure({ root, scope }) {
  if (!cluster) return [{ name: 'apps200', missing: 'no cluster: set KUBECONFIG and TEST_REGISTRY' }]
  const proxy = await countingProxy(scope, scope.folder())
  const platform = await startOnCluster({ root, scope, env: { KUBECONFIG: proxy.file } })
  const { call, prefix, pids } = platform
  const details = [`calls to start: ${proxy.take()}`]
  const empty = rss(pids.controller)
  await inParallel(apps, async (one) => {
    const id = `${prefix}-${one}`
    await call('POST', '/v2/apps/', { id })
    await call('POST', `/v2/apps/${id}/settings/`, { routable: false })
    const image = `${cluster.registry}/stack:1`
    await call('POST', `/v2/apps/${id}/builds/`, { image, procfile: { cmd: 'exec sleep 1000000' } })
    // One node cannot run a pod of each.
    if (one >= withPod) await call('POST', `/v2/apps/${id}/scale/`, { cmd: 0 })
  })
  details.push(`calls to create ${apps} apps, deploy them and scale ${apps - withPod} to 0: ${proxy.take()}`)
  await inParallel(withPod, (one) => call('POST', `/v2/apps/${prefix}-${one}/config/`, { values: { A: '1' } }))
  details.push(`calls for config:set of ${withPod} of them: ${proxy.take()}`)
  await wait(restSeconds * 1000, undefined, { signal: scope.signal })
  details.push(`calls in ${restSeconds} s of rest: ${proxy.take()}`)
  details.push(`controller RSS without apps ${empty.toFixed(0)} MB`)
  return [{ name: 'controller', of: `RSS with ${apps} apps`, unit: 'MB', values: [rss(pids.controller)], details }]
}
