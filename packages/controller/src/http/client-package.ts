// How do users get the client of this platform?
import { createReadStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DeisError } from '@deis/types'
import type { FastifyInstance } from 'fastify'
import { originOf } from './origin.ts'
import installer from '../programs/install.sh'

type Package = { readonly file: string; readonly sum: string }

/** What the build wrote. @throws when there is none: the controller runs from another build. */
async function packageIn(folder: string | null): Promise<Package & { folder: string }> {
  const sums = folder === null ? '' : await readFile(join(folder, 'SHA256SUMS'), 'utf8').catch(() => '')
  const [, sum, file] = /^([0-9a-f]{64}) {2}(deis-[0-9A-Za-z.+-]{1,64}\.tgz)\n$/.exec(sums) ?? []
  if (folder === null || sum === undefined || file === undefined)
    throw new DeisError('not_found', 'This platform was built without a package of the client.')
  return { folder, file, sum }
}

/** `folder` is where the build put the package. No account is needed: whoever wants to log in needs the client first. */
export function serveClientPackage(server: FastifyInstance, folder: string | null): void {
  server.get('/install.sh', async (request, reply) => {
    const origin = originOf(request)
    if (origin === null) throw new DeisError('invalid', 'The Host of the request is not a host name with a port.')
    const { file, sum } = await packageIn(folder)
    const values: Readonly<Record<string, string>> = { ORIGIN: origin, FILE: file, SUM: sum }
    return reply
      .type('text/x-shellscript; charset=utf-8')
      .send(installer.replaceAll(/@([A-Z]+)@/g, (_, name: string) => values[name] ?? ''))
  })
  server.get('/client/SHA256SUMS', async (_, reply) => {
    const { file, sum } = await packageIn(folder)
    return reply.type('text/plain; charset=utf-8').send(`${sum}  ${file}\n`)
  })
  server.get<{ Params: { file: string } }>('/client/:file', async ({ params }, reply) => {
    const { folder: found, file } = await packageIn(folder)
    if (params.file !== file) throw new DeisError('not_found', `The client of this platform is /client/${file}.`)
    const path = join(found, file)
    const { size } = await stat(path)
    return reply.type('application/gzip').header('content-length', size).send(createReadStream(path))
  })
}
