// What do tests of the process scheduler need: folders, slugs, and a router's requests?
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Accounts, openAccounts } from '@deis/machine/accounts'
import { openIsolation } from '@deis/machine/isolation'
import { testArchiver } from '@deis/machine/archive-testing'
import { openCopies } from '@deis/machine/copies'
import { noFirewall } from '@deis/machine/firewall'
import { noLimits } from '@deis/machine/limits'
import { slugFile } from '@deis/machine/slugs'
import type { Artifact } from '@deis/ports/scheduler'
import type { ProcessOptions } from './backend.ts'

export type Testbed = {
  readonly folder: string
  readonly firstPort: number
  readonly accounts: Accounts
  /** Everything the scheduler logged, as `level message`. */
  readonly logged: string[]
  options(more?: Partial<ProcessOptions>): ProcessOptions
  slug(files: Readonly<Record<string, string>>): Promise<Artifact>
  /** GET of a path at an address, known to `drained` while it lasts. */
  get(address: string, path?: string): Promise<string>
  remove(): Promise<void>
}

const portCount = 99

/**
 * The first of a range of ports that no other test on this machine uses: the port before it is held until the tests end. Below
 * the ephemeral ports.
 */
export async function freePorts(): Promise<number> {
  for (;;) {
    const held = 10_000 + 100 * Math.floor(Math.random() * 220)
    const server = createServer().listen(held, '127.0.0.1')
    try {
      await once(server, 'listening')
      server.unref()
      return held + 1
    } catch {
      // In use.
    }
  }
}

/** The pool skips ports that are in use. */
export async function openTestbed(existing?: {
  readonly folder: string
  readonly firstPort: number
}): Promise<Testbed> {
  const firstPort = existing?.firstPort ?? (await freePorts())
  const folder = existing?.folder ?? (await mkdtemp(join(tmpdir(), 'deis-process-')))
  // App users must be able to enter.
  await chmod(folder, 0o755)
  const accounts = await openAccounts(folder)
  const isolation = await openIsolation()
  const slugFolder = join(folder, 'slugs')
  await mkdir(slugFolder, { recursive: true })
  const busy = new Map<string, Set<Promise<unknown>>>()
  const logged: string[] = []
  return {
    folder,
    firstPort,
    accounts,
    logged,
    options: (more) => ({
      folder,
      slugFolder,
      accounts,
      archiver: testArchiver,
      isolation,
      limits: noLimits('a test'),
      ports: { first: firstPort, last: firstPort + portCount - 1 },
      firewall: noFirewall('a test'),
      copies: openCopies(),
      drained: async (_app, address) => void (await Promise.allSettled(Array.from(busy.get(address) ?? []))),
      log: (level, message) => void logged.push(`${level} ${message}`),
      path: [dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter),
      shell: '/bin/bash',
      ...more,
    }),
    async slug(files) {
      const source = await mkdtemp(join(folder, 'source-'))
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(source, name)), { recursive: true })
        await writeFile(join(source, name), content)
      }
      const { digest } = await testArchiver.pack(source, `${source}.tgz`)
      await rename(`${source}.tgz`, slugFile(slugFolder, digest))
      return { kind: 'slug', digest }
    },
    get(address, path = '/') {
      const answer = (async () => {
        const sent = request(`http://${address}${path}`, { agent: false }).end()
        const [response] = (await once(sent, 'response')) as [IncomingMessage]
        return text(response)
      })()
      const others = busy.get(address) ?? new Set()
      busy.set(address, others.add(answer))
      const done = (): void => void others.delete(answer)
      answer.then(done, done)
      return answer
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
