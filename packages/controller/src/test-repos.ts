// Where do HTTP tests keep the git histories of apps? In real repositories, without a server before them.
import { join } from 'node:path'
import { writeSettings } from '@deis/git/git'
import { openHistory } from '@deis/git/history'
import { defaultLimits } from '@deis/git/port'
import { removeRepo } from '@deis/git/repos'
import type { Config } from './config.ts'
import type { Core } from './domain/core.ts'

export async function openTestRepos(config: Config): Promise<Pick<Core, 'history' | 'isPushing' | 'removeRepo'>> {
  const git = { program: 'git', path: config.path, folder: join(config.dataDir, 'repos') }
  await writeSettings(git, join(git.folder, '.hooks'), config.maxPackBytes)
  const deps = { sourceLimits: config.source, maxPackBytes: config.maxPackBytes }
  const history = openHistory({ git, limits: defaultLimits, deps })
  return { history: () => history, isPushing: () => false, removeRepo: (app) => removeRepo(git.folder, app) }
}
