// Which Docker Engine, that apps could run in, answers on this machine?
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { versionIn } from './ask.ts'

const socketPath = '/var/run/docker.sock'
const patienceMs = 10_000
const mostBytes = 1024 * 1024
/** The oldest of the API that the platform speaks: Docker 20.10. */
const leastApiMinor = 41

function parsed(json: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** The version, from what an engine says of itself. Podman may answer at that socket, too, and cannot run apps. */
export function engineOf(json: string): string | null {
  const { Components, Version, ApiVersion } = parsed(json)
  const names = Array.isArray(Components) ? Components.map((one: { Name?: unknown } | null) => one?.Name) : []
  const minor = /^1\.(\d{1,4})$/.exec(String(ApiVersion))?.[1]
  if (!names.includes('Engine') || Number(minor ?? 0) < leastApiMinor) return null
  return versionIn(String(Version))
}

/** Its version; null: none. It is asked itself: the `docker` command is a package of its own in some systems. */
export async function engineHere(path = socketPath): Promise<string | null> {
  const signal = AbortSignal.timeout(patienceMs)
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      const asked = request({ socketPath: path, path: '/version', headers: { host: 'docker' }, agent: false, signal })
      asked.once('error', reject)
      asked.once('response', (response) => {
        let size = 0
        response.on('data', (chunk: Buffer) => {
          size += chunk.length
          if (size > mostBytes) response.destroy(new Error('the answer is too long'))
        })
        text(response).then(resolve, reject)
      })
      asked.end()
    })
    return engineOf(answer)
  } catch {
    return null
  }
}
