// How are the environment variables of an app shown and changed?
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { DeisError, getConfig, setConfig } from '@deis/types'
import { readAll } from '../terminal/ask.ts'
import type { Context } from '../profile/context.ts'
import { checkNames, formatDotenv, parseDotenv, parseWords, type Variables } from '../parse/dotenv.ts'
import { readText, readTextIfAny, writePrivately } from '../profile/files.ts'
import type { Io } from '../terminal/io.ts'
import { type AppOption, appOption } from '../parse/options.ts'
import { editConfig } from './config/edit.ts'
import { aligned, note, print, step } from '../terminal/output.ts'

const gap = 6
const pem = /^-----BEGIN (DSA|RSA|EC|OPENSSH) PRIVATE KEY-----/
const drop = { hint: 'Nothing was changed.' }

/** A private key is given as text, as base64 or as a path, and always sent as base64 (docs/contract/cli.md §2.6). */
async function encodedKey(io: Io, value: string): Promise<string> {
  const decoded = Buffer.from(value, 'base64').toString('utf8')
  if (pem.test(value)) return Buffer.from(value).toString('base64')
  if (pem.test(decoded)) return value
  // What cannot be read is not a path.
  const content = await readFile(resolve(io.cwd, value), 'utf8').catch(() => '')
  if (pem.test(content)) return Buffer.from(content).toString('base64')
  throw new DeisError(
    'usage',
    'SSH_KEY is not a private key: it must be in PEM format, in base64, or the path of a key file.',
    drop,
  )
}

export function config(context: Context): Command[] {
  const { io } = context

  async function valuesOf(id: string): Promise<Variables> {
    return (await context.call(getConfig, { params: { id } })).values
  }

  function show(id: string, values: Variables): void {
    context.answer(values, [`=== ${id} Config`, ...aligned(values, gap)])
  }

  async function list(options: AppOption & { oneline?: boolean; diff?: boolean }): Promise<void> {
    const id = await context.app(options.app)
    const values = await valuesOf(id)
    if (!options.oneline && !options.diff) return show(id, values)
    const pairs = Object.keys(values)
      .toSorted()
      .map((key) => `${key}=${values[key]}`)
    context.answer(values, pairs.length > 0 ? [pairs.join(options.oneline ? ' ' : '\n')] : [])
  }

  async function get(key: string, options: AppOption): Promise<void> {
    checkNames([key])
    const id = await context.app(options.app)
    const values = await valuesOf(id)
    const value = Object.hasOwn(values, key) ? values[key] : undefined
    if (value === undefined)
      throw new DeisError('not_found', `"${id}" has no variable "${key}".`, {
        hint: `\`deis config -a ${id}\` lists those that it has.`,
      })
    context.answer(value, [value])
  }

  async function editAll(options: AppOption): Promise<void> {
    const id = await context.app(options.app)
    const values = await editConfig(context, id)
    if (values === null) return
    print(io)
    show(id, values)
  }

  async function change(id: string, title: string, changes: Record<string, string | null>): Promise<void> {
    const { values } = await step(
      io,
      title,
      () => context.call(setConfig, { params: { id }, body: { values: changes } }),
      ({ values: { WORKFLOW_RELEASE: release } }) => (release === undefined ? 'done' : `done, ${release}`),
    )
    print(io)
    show(id, values)
  }

  async function set(app: string | undefined, variables: Variables, source: string): Promise<void> {
    if (Object.keys(variables).length === 0) throw new DeisError('usage', `No variables in ${source}.`, drop)
    for (const key of Object.keys(variables))
      if (key.includes('HEALTHCHECK_'))
        note(io, `${key}: variables for health checks are deprecated; use \`deis healthchecks:set\`.`)
    const key = variables['SSH_KEY']
    const values = key === undefined ? variables : { ...variables, SSH_KEY: await encodedKey(io, key) }
    await change(await context.app(app), 'Creating config...', values)
  }

  async function unset(keys: string[], options: AppOption): Promise<void> {
    checkNames(keys)
    const id = await context.app(options.app)
    await change(id, 'Removing config...', Object.fromEntries(keys.map((key) => [key, null])))
  }

  async function push(options: AppOption & { path?: string }): Promise<void> {
    // --path wins over stdin: programs that start this one often leave a pipe there.
    const piped = options.path === undefined && !io.isCharacterDevice('stdin')
    const shown = options.path ?? '.env'
    const source = piped ? 'stdin' : shown
    const content = piped ? await readAll(io) : await readText(resolve(io.cwd, shown), shown)
    await set(options.app, read(content, source), source)
  }

  function read(content: string, source: string): Variables {
    return parseDotenv(content, source, (key) =>
      note(io, `${key}: the text after # is ignored as a comment. Put the value in quotes to keep it.`),
    )
  }

  function written(values: Variables): string {
    return formatDotenv(values, (key) =>
      note(io, `${key}: other programs may read this value differently; \`deis config:push\` reads it unchanged.`),
    )
  }

  /** The local variables merged with those of the app; asks about each difference. */
  async function merged(path: string, remote: Variables): Promise<Variables> {
    const result = read(await readText(path, '.env'), '.env')
    for (const [key, value] of Object.entries(remote)) {
      const own = result[key]
      if (own === value) continue
      if (own !== undefined && !(await io.prompt.confirm(`${key}: replace "${own}" with "${value}"?`))) continue
      result[key] = value
    }
    return result
  }

  async function pull(options: AppOption & { interactive?: boolean; overwrite?: boolean }): Promise<void> {
    const id = await context.app(options.app)
    if (context.json || !io.isCharacterDevice('stdout')) {
      const values = await valuesOf(id)
      return context.answer(values, context.json ? '' : written(values))
    }
    const path = join(io.cwd, '.env')
    const exists = readTextIfAny(path, '.env') !== null
    if (exists && !options.overwrite)
      throw new DeisError('usage', '".env" already exists, so nothing was written.', {
        hint: 'Use --overwrite to replace it, or --overwrite --interactive to merge into it.',
      })
    if (options.interactive && !io.isTty.stdin)
      throw new DeisError('usage', '--interactive needs a terminal, and stdin is not one.', {
        hint: 'Run it without --interactive.',
      })
    const remote = await valuesOf(id)
    await writePrivately(path, written(options.interactive && exists ? await merged(path, remote) : remote))
  }

  return [
    new Command('config:list')
      .description('list the variables of an app')
      .addOption(appOption())
      .option('--oneline', 'print KEY=value pairs on one line')
      .option('--diff', 'print KEY=value pairs, one per line')
      .action(list),
    new Command('config:get')
      .description('print the value of a variable')
      .argument('<key>', 'name of the variable')
      .addOption(appOption())
      .action(get),
    new Command('config:edit')
      .description('edit the variables in your editor ($VISUAL, $EDITOR or vi); creates a release')
      .addOption(appOption())
      .action(editAll),
    new Command('config:set')
      .description('set variables; creates a release')
      .argument('<var=value...>', 'variables to set, such as LEVEL=debug')
      .addOption(appOption())
      .action((words: string[], { app }: AppOption) => set(app, parseWords(words), 'the arguments')),
    new Command('config:unset')
      .description('remove variables; creates a release')
      .argument('<key...>', 'names of variables')
      .addOption(appOption())
      .action(unset),
    new Command('config:pull')
      .description('write the variables to .env, or to stdout if it is a pipe or a file')
      .addOption(appOption())
      .option('-i, --interactive', 'merge into .env, and ask about each difference; needs --overwrite')
      .option('-o, --overwrite', 'replace .env')
      .action(pull),
    new Command('config:push')
      .description('set the variables of a .env file; creates a release')
      .addOption(appOption())
      .option('-p, --path <path>', 'path of the file; by default stdin if it is a pipe, else .env')
      .action(push),
  ]
}
