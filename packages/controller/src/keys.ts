// How does a pod of the controller get the installation's keys before it starts?
import { join } from 'node:path'
import { messageOf } from '@deis/types'
import { createKube } from '@deis/kubernetes/client/client'
import { shareKeys } from './installation-keys.ts'
import { loadTransport } from '@deis/kubernetes/client/transport'

async function main([dataDir, namespace, name]: readonly string[]): Promise<void> {
  if (!dataDir || !namespace || !name) throw new Error('usage: keys.js DATA-FOLDER NAMESPACE SECRET')
  const { transport } = await loadTransport()
  const kube = createKube(transport)
  try {
    await shareKeys({ kube, namespace, name, folder: join(dataDir, 'keys') })
    process.stdout.write(`deis keys: ${join(dataDir, 'keys')} holds the keys of the Secret ${namespace}/${name}\n`)
  } finally {
    kube.close()
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`deis keys: ${messageOf(error)}\n`)
  process.exitCode = 1
})
