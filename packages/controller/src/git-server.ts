// What does the git server ask of the domain?
import { join } from 'node:path'
import type { GitServer } from '@deis/git/port'
import { startGitServer } from '@deis/git/ssh/ssh'
import { mayPush } from './domain/accounts/access.ts'
import { keyOwner } from './domain/accounts/keys.ts'
import { deployBranch, receivePush, setDeployBranch } from './domain/builds/push.ts'
import type { Core } from './domain/core.ts'

/** `held`: the socket that systemd holds open for it. */
export function openGitServer(core: Core, held: number | undefined): Promise<GitServer> {
  const { config } = core
  return startGitServer({
    host: config.gitHost,
    port: config.gitPort,
    ...(held === undefined ? {} : { held }),
    folder: join(config.dataDir, 'repos'),
    hostKeyFolder: join(config.dataDir, 'keys'),
    gitPath: 'git',
    path: config.path,
    maxPackBytes: config.maxPackBytes,
    sourceLimits: config.source,
    anyBranch: config.anyBranch,
    submodules: config.submodules,
    identify: (fingerprint) => keyOwner(core, fingerprint),
    authorize: (username, app) => mayPush(core, username, app),
    deployBranch: (app) => deployBranch(core, app),
    setDeployBranch: (app, branch) => setDeployBranch(core, app, branch),
    expectPush: () => core.builder.expect(),
    deploy: (push) => receivePush(core, push),
    log: (level, message, fields) => core.log[level](fields, message),
  })
}
