// How is one commit of another repository fetched, over https and only from an allowed host?
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Git, runGit } from '../git.ts'
import { PushRefused } from '../push/refs.ts'
import type { Address } from './address.ts'
import { addressesOf, BadHost } from './host.ts'

export type FetchLimits = {
  /** Of everything that is fetched for one push, as it comes. */
  readonly bytes: number
  readonly fetchMs: number
  /** Of everything together. */
  readonly allMs: number
}

const checkMs = 250

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        // Renamed when it was whole.
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** Only these settings decide what git does: no proxy, no redirect, no credentials, no other protocol, no hooks. */
function settings({ host, port }: Address, addresses: readonly string[]): string[] {
  const at = addresses.map((address) => (address.includes(':') ? `[${address}]` : address)).join(',')
  return [
    'protocol.allow=never',
    'protocol.https.allow=always',
    'http.followRedirects=false',
    'http.proxy=',
    'http.lowSpeedLimit=1000',
    'http.lowSpeedTime=30',
    'credential.helper=',
    'core.hooksPath=/dev/null',
    'fetch.fsckObjects=true',
    // The addresses that were checked, whatever the name resolves to by now.
    ...(/^[[\d]/.test(host) && addresses.join() === host.replace(/[[\]]/g, '')
      ? []
      : [`http.curloptResolve=${host}:${port}:${at}`]),
  ].flatMap((setting) => ['-c', setting])
}

const asked = /could not read (Username|Password)/
const missing = /not our ref|unadvertised object|couldn't find remote ref/
const moved = /redirect|returned error: 30\d/i

function reasonOf(message: string, sha: string): string {
  if (asked.test(message)) return 'it is not public: credentials are never sent'
  if (missing.test(message)) return `it does not have the commit ${sha.slice(0, 12)}: push it there first`
  if (moved.test(message)) return 'it has moved, and redirects are not followed: write the new address into .gitmodules'
  return message.replace(/^git fetch failed: (fatal: )?/, '').trim()
}

/** The commit and its tree are in the repository afterwards. @throws PushRefused with the reason; the signal's reason */
export async function fetchCommit(
  git: Git,
  repo: string,
  what: { readonly path: string; readonly sha: string; readonly address: Address; readonly caFile: string | null },
  limits: FetchLimits,
  signal: AbortSignal,
): Promise<void> {
  const { path, sha, address, caFile } = what
  const tooMuch = new AbortController()
  const packs = join(repo, 'objects', 'pack')
  const watch = setInterval(() => {
    void sizeOf(packs).then((size) => {
      if (size > limits.bytes) tooMuch.abort(new BadHost(`it is larger than ${Math.round(limits.bytes / 2 ** 20)} MB`))
    })
  }, checkMs)
  const both = AbortSignal.any([signal, tooMuch.signal])
  try {
    const addresses = await addressesOf(address.host, address.named, both)
    const options = ['--quiet', '--depth=1', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance']
    await runGit(
      git,
      [
        ...settings(address, addresses),
        `--git-dir=${repo}`,
        'fetch',
        ...options,
        '--recurse-submodules=no',
        '--',
        address.url,
        sha,
      ],
      // The refs of an untrusted server are held in memory.
      {
        env: { GIT_ALLOC_LIMIT: '256m', ...(caFile && { GIT_SSL_CAINFO: caFile }) },
        signal: both,
        timeoutMs: limits.fetchMs,
      },
    )
    if ((await sizeOf(packs)) > limits.bytes)
      throw new BadHost(`it is larger than ${Math.round(limits.bytes / 2 ** 20)} MB`)
  } catch (error) {
    signal.throwIfAborted()
    throw new PushRefused(
      `Submodule ${JSON.stringify(path)} could not be fetched from ${address.url}: ${reasonOf((error as Error).message, sha).replace(/\.$/, '')}.\nNothing was deployed. Fix it and push again, or commit the files of the submodule themselves.`,
      { cause: error },
    )
  } finally {
    clearInterval(watch)
  }
}
