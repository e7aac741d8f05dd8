// How does an app move to another installation: out of one as a file, into the other from it?
import { type FileHandle, open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { Command } from 'commander'
import { DeisError, type importApp, messageOf, type Query } from '@deis/types'
import { type Download, download, upload } from '../../http/archive.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import type { Context } from '../../profile/context.ts'
import { fileError } from '../../profile/files.ts'
import { note, step } from '../../terminal/output.ts'
import { isSealed, type PassphraseOptions, readPassphrase, seal, sealedBytes, unseal } from './sealed.ts'

/** With what every archive begins: the name of its first file. */
const firstBytes = Buffer.from('manifest.json\0')

const isArchive = (start: Buffer): boolean => start.subarray(0, firstBytes.length).equals(firstBytes)

function sizeText(bytes: number): string {
  const [unit, name] = bytes < 1_000_000 ? [1_000, 'kB'] : [1_000_000, 'MB']
  return `${Math.max(1, Math.round(bytes / unit))} ${name}`
}

/** The same, which fails when it is not an archive, or not all of one. */
function checked({ bytes, content }: Download): Download {
  const parts = async function* (): AsyncGenerator<Buffer> {
    let received = 0
    try {
      for await (const part of content as AsyncIterable<Buffer>) {
        if (received === 0 && !isArchive(part))
          throw new DeisError('unavailable', 'The controller did not answer with an archive.')
        received += part.length
        yield part
      }
    } catch (error) {
      if (error instanceof DeisError) throw error
      throw new DeisError(
        'unavailable',
        'The connection was lost before the whole archive was there. Export it again.',
        {
          cause: error,
        },
      )
    }
    if (received !== bytes)
      throw new DeisError('unavailable', `The archive is cut off after ${received} of ${bytes} bytes. Export it again.`)
  }
  return { bytes, content: Readable.from(parts(), { objectMode: false }) }
}

/** A file that is not there yet, and that only its owner can read. */
async function created(path: string, shown: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError('write', shown, error)
    throw new DeisError('usage', `${shown} exists already, so nothing was exported.`, {
      hint: 'Choose another file with --output, or delete it first.',
    })
  }
}

/** Whole, or not at all. */
async function save(path: string, shown: string, fetch: () => Promise<Download>): Promise<number> {
  const handle = await created(path, shown)
  try {
    const { bytes, content } = await fetch()
    for await (const part of content as AsyncIterable<Buffer>) await handle.writeFile(part)
    await handle.sync()
    return bytes
  } catch (error) {
    await rm(path, { force: true })
    throw error instanceof DeisError ? error : fileError('write', shown, error)
  } finally {
    await handle.close()
  }
}

type ExportOptions = AppOption & PassphraseOptions & { readonly output?: string; readonly withoutImage?: boolean }

async function exportTo(context: Context, options: ExportOptions): Promise<void> {
  const { io } = context
  const { passphrase = false, passphraseFile, withoutImage = false } = options
  const id = await context.app(options.app)
  const secret = passphrase || passphraseFile !== undefined ? await readPassphrase(io, passphraseFile, true) : null
  const shown = options.output ?? `${id}.deis.tar${secret === null ? '' : '.age'}`
  const path = resolve(io.cwd, shown)
  const bytes = await step(
    io,
    `Exporting ${id} to ${shown}...`,
    () =>
      context.connected((connection) =>
        save(path, shown, async () => {
          const archive = checked(await download(context.wire, connection, id, withoutImage ? { image: '0' } : {}))
          return secret === null ? archive : seal(archive, secret)
        }),
      ),
    (written) => `done, ${sizeText(written)}`,
  )
  if (secret === null)
    note(
      io,
      'Note: it contains the config, private keys and passwords of the app, not encrypted (--passphrase). Only you can read the file.',
    )
  context.answer({ app: id, file: path, bytes })
}

async function opened(context: Context, path: string, shown: string, file: string | undefined): Promise<Download> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw fileError('open', shown, error)
  }
  try {
    const found = await handle.stat()
    const start = Buffer.alloc(Math.max(firstBytes.length, sealedBytes))
    if (found.isFile()) await handle.read({ buffer: start, position: 0 })
    if (!isSealed(start) && !isArchive(start))
      throw new DeisError('usage', `${shown} is not an archive of an app.`, {
        hint: 'Make one with `deis apps:export`.',
      })
    const secret = isSealed(start) ? await readPassphrase(context.io, file, false) : null
    const archive = { bytes: found.size, content: handle.createReadStream({ start: 0 }) }
    return secret === null ? archive : await unseal(archive, secret, shown)
  } catch (error) {
    await handle.close()
    throw error instanceof DeisError ? error : fileError('open', shown, error)
  }
}

type ImportOptions = AppOption &
  PassphraseOptions & { readonly owner?: string; readonly rebuild?: boolean; readonly withoutDomains?: boolean }

async function importFrom(context: Context, file: string, options: ImportOptions): Promise<void> {
  const { io } = context
  const { app, owner, rebuild, withoutDomains } = options
  await context.profile()
  const archive = await opened(context, resolve(io.cwd, file), file, options.passphraseFile)
  const query: Query<typeof importApp> = {
    ...(app === undefined ? {} : { app }),
    ...(owner === undefined ? {} : { owner }),
    ...(rebuild ? { rebuild: '1' } : {}),
    ...(withoutDomains ? { domains: '0' } : {}),
  }
  const { content } = archive
  try {
    const imported = await step(
      io,
      `Importing ${file}...`,
      () => context.connected((connection) => upload(context.wire, connection, query, archive)),
      (made) => `done, ${made.app.id} is at v${made.version}`,
    )
    const { built, warnings } = imported
    if (built !== null) note(io, `Note: it was built here. ${built}.`)
    for (const warning of warnings) note(io, `Note: ${warning}`)
    note(io, `Note: to push to it from a checkout: deis git:remote -a ${imported.app.id}`)
    context.answer(imported)
  } catch (error) {
    // The controller can only say that the rest did not come.
    if (!content.errored) throw error
    throw new DeisError(
      'usage',
      `${file} cannot be read to its end: ${messageOf(content.errored)}. Nothing was changed.`,
      {
        cause: error,
      },
    )
  } finally {
    content.destroy()
  }
}

export function exportCommand(context: Context): Command {
  return new Command('apps:export')
    .description('export an app with everything that belongs to it, secrets included, to import it elsewhere')
    .addOption(appOption())
    .option('-o, --output <file>', 'file to write; by default <app>.deis.tar')
    .option(
      '--without-image',
      'leave the image out that the platform built: it is built again where the app is imported',
    )
    .option('--passphrase', 'encrypt the file with a passphrase, which you are asked for; age can decrypt it, too')
    .option('--passphrase-file <file>', 'the same, with the passphrase in the first line of a file')
    .action((options: ExportOptions) => exportTo(context, options))
}

export function importCommand(context: Context): Command {
  return new Command('apps:import')
    .description('import an app that was exported from another installation')
    .argument('<file>', 'archive made by apps:export')
    .option('-a, --app <app>', 'name of the app here; by default the name that it had')
    .option('--owner <username>', 'owner of the app here, for admins; by default you')
    .option('--rebuild', 'build it here from its git history, even if its slug or image could be run')
    .option('--without-domains', 'leave its domains and their certificates behind')
    .option('--passphrase-file <file>', 'for an encrypted archive: a file with the passphrase in its first line')
    .action((file: string, options: ImportOptions) => importFrom(context, file, options))
}
