// How is a Ruby app built?
import { join } from 'node:path'
import { BuildFailure } from '@deis/ports/builder'
import { toolConfig } from '../environment.ts'
import type { Kit, More } from '../context.ts'
import type { Buildpack } from './buildpack.ts'

const profile = `export RACK_ENV="\${RACK_ENV:-production}" RAILS_ENV="\${RAILS_ENV:-production}"
export RAILS_LOG_TO_STDOUT="\${RAILS_LOG_TO_STDOUT:-enabled}" RAILS_SERVE_STATIC_FILES="\${RAILS_SERVE_STATIC_FILES:-enabled}"
export PATH="$HOME/bin:$PATH"
`

async function compile(kit: Kit): Promise<Record<string, string>> {
  kit.output.note((await kit.capture('ruby', ['--version'])).stdout.trim())
  if ((await kit.capture('bundle', ['--version'])).code !== 0)
    throw new BuildFailure(
      'Bundler is needed to build this app and bundle was not found on this machine: install it or set BUILDPACK_URL.',
    )
  const lock = await kit.files.read('Gemfile.lock')
  const more: More = { env: { RACK_ENV: 'production', RAILS_ENV: 'production', ...toolConfig(kit.config).env } }
  const bundle = (args: readonly string[]): Promise<void> => kit.must(`bundle ${args[0]}`, 'bundle', args, more)

  kit.output.title(`Installing dependencies with Bundler${lock === null ? '' : ' (Gemfile.lock)'}`)
  // Kept in .bundle/config, relative to the app, so that it holds at run time too.
  await bundle(['config', 'set', '--local', 'path', 'vendor/bundle'])
  await bundle(['config', 'set', '--local', 'without', 'development:test'])
  if (lock !== null) await bundle(['config', 'set', '--local', 'deployment', 'true'])
  const kept = join(kit.workspace.cache, 'bundle')
  await kit.capture('mkdir', ['-p', 'vendor/bundle', kept])
  await kit.capture('cp', ['-a', '--', `${kept}/.`, 'vendor/bundle'])
  await bundle(['install', '--jobs', '4', '--retry', '2'])
  if (lock !== null) await bundle(['clean'])
  await kit.capture('rm', ['-rf', '--', kept])
  await kit.capture('cp', ['-a', '--', 'vendor/bundle', kept])

  if (/^ {4}(sprockets-rails|propshaft) /m.test(lock ?? '')) {
    kit.output.title('Preparing assets')
    // Rails wants a secret to start, not to make assets, and config may have none yet.
    const env = { SECRET_KEY_BASE_DUMMY: '1', SECRET_KEY_BASE: 'only-for-assets', ...more.env }
    await kit.must('rake assets:precompile', 'bundle', ['exec', 'rake', 'assets:precompile'], { env })
  }
  await kit.write('.profile.d/ruby.sh', profile)
  return {}
}

export const ruby: Buildpack = {
  name: 'Ruby',
  looksFor: 'Gemfile',
  tool: { command: 'ruby', args: ['--version'] },
  detect: (files) => files.has('Gemfile'),
  compile,
  async release(kit): Promise<Record<string, string>> {
    if (!(await kit.files.has('config.ru'))) return {}
    const lock = (await kit.files.read('Gemfile.lock')) ?? ''
    if (/^ {4}puma /m.test(lock)) return { web: 'bundle exec puma -b tcp://0.0.0.0:$PORT' }
    return { web: 'bundle exec rackup -p $PORT -o 0.0.0.0' }
  },
}
