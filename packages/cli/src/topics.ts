// Which topics are there, and where are their commands (contract/cli.md §1.3)?
import type { Command } from 'commander'
import type { Context } from './context.ts'

export type Commands = (context: Context) => Command[]

export type Topic = {
  readonly summary: string
  /** What the topic without a verb runs: `TOPIC:list`, its help, or the command of that name. */
  readonly alone: 'list' | 'help' | 'itself'
  /** Loads only what the topic needs, which keeps the start fast. */
  readonly load: () => Promise<Commands>
}

export const topics: Readonly<Record<string, Topic>> = {
  apps: {
    summary: 'make, look at and remove apps',
    alone: 'list',
    load: async () => (await import('./commands/apps.ts')).apps,
  },
  auth: {
    summary: 'accounts and logging in',
    alone: 'help',
    load: async () => (await import('./commands/auth.ts')).auth,
  },
  builds: {
    summary: 'what was built; deploy an image',
    alone: 'list',
    load: async () => (await import('./commands/builds.ts')).builds,
  },
  config: {
    summary: 'environment variables of an app',
    alone: 'list',
    load: async () => (await import('./commands/config.ts')).config,
  },
  doctor: {
    summary: 'what this installation can and cannot do',
    alone: 'itself',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  git: { summary: 'git remotes of an app', alone: 'help', load: async () => (await import('./commands/git.ts')).git },
  keys: {
    summary: 'SSH keys that may push',
    alone: 'list',
    load: async () => (await import('./commands/keys.ts')).keys,
  },
  ps: { summary: 'processes of an app', alone: 'list', load: async () => (await import('./commands/ps.ts')).ps },
  releases: {
    summary: 'what an app has run; go back to it',
    alone: 'list',
    load: async () => (await import('./commands/releases.ts')).releases,
  },
  shortcuts: {
    summary: 'short names of commands',
    alone: 'list',
    load: async () => (await import('./commands/shortcuts.ts')).shortcutCommands,
  },
  users: {
    summary: 'accounts on this controller',
    alone: 'list',
    load: async () => (await import('./commands/users.ts')).users,
  },
  version: {
    summary: 'versions of client and controller',
    alone: 'itself',
    load: async () => (await import('./commands/version.ts')).version,
  },
}
