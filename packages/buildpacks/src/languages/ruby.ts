// How is a Ruby app built?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { BuildContext, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'

const profile = `export RACK_ENV="\${RACK_ENV:-production}" RAILS_ENV="\${RAILS_ENV:-production}"
export RAILS_LOG_TO_STDOUT="\${RAILS_LOG_TO_STDOUT:-enabled}" RAILS_SERVE_STATIC_FILES="\${RAILS_SERVE_STATIC_FILES:-enabled}"
export PATH="$HOME/bin:$PATH"
`

async function compile(context: BuildContext): Promise<Record<string, string>> {
  context.output.note((await context.capture('ruby', ['--version'])).stdout.trim())
  if ((await context.capture('bundle', ['--version'])).code !== 0)
    throw new BuildFailure(
      'Bundler is needed to build this app, but bundle was not found on this machine. Install it, or set BUILDPACK_URL.',
    )
  const lock = await context.files.read('Gemfile.lock')
  const more: More = { env: { RACK_ENV: 'production', RAILS_ENV: 'production', ...toolConfig(context.config).env } }
  const bundle = (args: readonly string[]): Promise<void> => context.must(`bundle ${args[0]}`, 'bundle', args, more)

  context.output.title(`Installing dependencies with Bundler${lock === null ? '' : ' (Gemfile.lock)'}`)
  // Kept in .bundle/config, relative to the app, so that it holds at run time too.
  await bundle(['config', 'set', '--local', 'path', 'vendor/bundle'])
  await bundle(['config', 'set', '--local', 'without', 'development:test'])
  if (lock !== null) await bundle(['config', 'set', '--local', 'deployment', 'true'])
  const kept = join(context.workspace.cache, 'bundle')
  await context.capture('mkdir', ['-p', 'vendor/bundle', kept])
  await context.capture('cp', ['-a', '--', `${kept}/.`, 'vendor/bundle'])
  await bundle(['install', '--jobs', '4', '--retry', '2'])
  if (lock !== null) await bundle(['clean'])
  await context.remove(kept)
  await context.capture('cp', ['-a', '--', 'vendor/bundle', kept])

  if (/^ {4}(sprockets-rails|propshaft) /m.test(lock ?? '')) {
    context.output.title('Preparing assets')
    // Rails wants a secret to start, not to make assets, and config may have none yet.
    const env = { SECRET_KEY_BASE_DUMMY: '1', SECRET_KEY_BASE: 'only-for-assets', ...more.env }
    await context.must('rake assets:precompile', 'bundle', ['exec', 'rake', 'assets:precompile'], { env })
  }
  await context.write('.profile.d/ruby.sh', profile)
  return {}
}

export const ruby: Buildpack = {
  name: 'Ruby',
  looksFor: 'Gemfile',
  tool: { command: 'ruby', args: ['--version'] },
  detect: (files) => files.has('Gemfile'),
  compile,
  async release(context): Promise<Record<string, string>> {
    if (!(await context.files.has('config.ru'))) return {}
    const lock = (await context.files.read('Gemfile.lock')) ?? ''
    if (/^ {4}puma /m.test(lock)) return { web: 'bundle exec puma -b tcp://0.0.0.0:$PORT' }
    return { web: 'bundle exec rackup -p $PORT -o 0.0.0.0' }
  },
}
