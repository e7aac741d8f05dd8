// How does an app move to another installation: out of one as a file, into the other from it?
import { type FileHandle, open, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { DeisError, type Query, type importApp } from '@deis/types'
import { type Download, download, upload } from '../../http/archive.ts'
import { type AppOption, appOption } from '../../parse/options.ts'
import type { Context } from '../../profile/context.ts'
import { fileError } from '../../profile/files.ts'
import { note, step } from '../../terminal/output.ts'

/** With what every archive begins: the name of its first file. */
const firstBytes = Buffer.from('manifest.json\0')

const isArchive = (start: Buffer): boolean => start.subarray(0, firstBytes.length).equals(firstBytes)

function sizeText(bytes: number): string {
  const [unit, name] = bytes < 1_000_000 ? [1_000, 'kB'] : [1_000_000, 'MB']
  return `${Math.max(1, Math.round(bytes / unit))} ${name}`
}

/** A new file that only its owner can read, and that is there only when all of it is. */
async function save(path: string, shown: string, { bytes, content }: Download): Promise<void> {
  let handle: FileHandle
  try {
    handle = await open(path, 'wx', 0o600)
  } catch (error) {
    content.destroy()
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError('write', shown, error)
    throw new DeisError('usage', `${shown} exists already, so nothing was exported.`, {
      hint: 'Choose another file with --output, or delete it first.',
    })
  }
  try {
    let received = 0
    for await (const part of content as AsyncIterable<Buffer>) {
      if (received === 0 && !isArchive(part))
        throw new DeisError('unavailable', 'The controller did not answer with an archive.')
      received += part.length
      await handle.writeFile(part)
    }
    if (received !== bytes)
      throw new DeisError('unavailable', `The archive is cut off after ${received} of ${bytes} bytes. Export it again.`)
    await handle.sync()
  } catch (error) {
    await rm(path, { force: true })
    if (error instanceof DeisError) throw error
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? new DeisError('unavailable', 'The connection was lost before the whole archive was there. Export it again.', {
          cause: error,
        })
      : fileError('write', shown, error)
  } finally {
    await handle.close()
  }
}

type ExportOptions = AppOption & { readonly output?: string }

async function exportTo(context: Context, options: ExportOptions): Promise<void> {
  const { io } = context
  const id = await context.app(options.app)
  const shown = options.output ?? `${id}.deis.tar`
  const path = resolve(io.cwd, shown)
  const { bytes } = await step(
    io,
    `Exporting ${id} to ${shown}...`,
    () =>
      context.connected(async (connection) => {
        const archive = await download(context.wire, connection, id)
        await save(path, shown, archive)
        return archive
      }),
    (archive) => `done, ${sizeText(archive.bytes)}`,
  )
  note(io, 'Note: it contains the config, private keys and passwords of the app. Only you can read the file.')
  context.answer({ app: id, file: path, bytes })
}

async function opened(path: string, shown: string): Promise<Download> {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw fileError('open', shown, error)
  }
  try {
    const found = await handle.stat()
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(firstBytes.length), position: 0 })
    if (!found.isFile() || bytesRead < firstBytes.length || !isArchive(buffer))
      throw new DeisError('usage', `${shown} is not an archive of an app.`, {
        hint: 'Make one with `deis apps:export`.',
      })
    return { bytes: found.size, content: handle.createReadStream({ start: 0 }) }
  } catch (error) {
    await handle.close()
    throw error instanceof DeisError ? error : fileError('open', shown, error)
  }
}

type ImportOptions = AppOption & { readonly owner?: string; readonly rebuild?: boolean }

async function importFrom(context: Context, file: string, { app, owner, rebuild }: ImportOptions): Promise<void> {
  const { io } = context
  await context.profile()
  const archive = await opened(resolve(io.cwd, file), file)
  const query: Query<typeof importApp> = {
    ...(app === undefined ? {} : { app }),
    ...(owner === undefined ? {} : { owner }),
    ...(rebuild ? { rebuild: '1' } : {}),
  }
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
    context.answer(imported)
  } finally {
    archive.content.destroy()
  }
}

export function exportCommand(context: Context): Command {
  return new Command('apps:export')
    .description('export an app with everything that belongs to it, secrets included, to import it elsewhere')
    .addOption(appOption())
    .option('-o, --output <file>', 'file to write; by default <app>.deis.tar')
    .action((options: ExportOptions) => exportTo(context, options))
}

export function importCommand(context: Context): Command {
  return new Command('apps:import')
    .description('import an app that was exported from another installation')
    .argument('<file>', 'archive made by apps:export')
    .option('-a, --app <app>', 'name of the app here; by default the name that it had')
    .option('--owner <username>', 'owner of the app here, for admins; by default you')
    .option('--rebuild', 'build it here from its git history, even if its slug could be run')
    .action((file: string, options: ImportOptions) => importFrom(context, file, options))
}
