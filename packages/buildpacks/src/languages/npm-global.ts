// How does npm put programs into a folder of their own, with `bin` and `lib`?
import type { BuildContext, More } from '../context.ts'

/** npm with another prefix, or from another folder, would not see the machine's npmrc, and with it registry and certificates. */
export async function machineNpmrc(context: BuildContext, settings: More): Promise<Record<string, string>> {
  const outside = { ...settings, cwd: context.workspace.tmp }
  const file = (await context.capture('npm', ['config', 'get', 'globalconfig'], outside)).stdout.trim()
  return file.startsWith('/') ? { npm_config_globalconfig: file } : {}
}

/** npm compares what it fetches with the registry's checksums. `more`: further arguments. */
export async function npmGlobal(
  context: BuildContext,
  settings: More,
  folder: string,
  specs: readonly string[],
  more: readonly string[] = [],
): Promise<void> {
  const args = [
    'install',
    '--global',
    `--prefix=${folder}`,
    '--no-progress',
    '--loglevel=error',
    ...more,
    '--',
    ...specs,
  ]
  const env = { ...(await machineNpmrc(context, settings)), ...settings.env }
  await context.must(`npm install ${specs.join(' ')}`, 'npm', args, { ...settings, env })
}
