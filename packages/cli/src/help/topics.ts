// Which topics are there, and where are their commands (docs/contract/cli.md §1.3)?
import type { Command } from 'commander'
import type { Context } from '../profile/context.ts'

export type Commands = (context: Context) => Command[]

export type Topic = {
  readonly summary: string
  /** What the topic without a verb runs: `TOPIC:list`, `TOPIC:info`, its help, or the command of that name. */
  readonly alone: 'list' | 'info' | 'help' | 'itself'
  /** Loads only what the topic needs, which keeps the start fast. */
  readonly load: () => Promise<Commands>
}

export const topics: Readonly<Record<string, Topic>> = {
  apps: {
    summary: 'make, look at and remove apps',
    alone: 'list',
    load: async () => (await import('../commands/apps.ts')).apps,
  },
  auth: {
    summary: 'accounts and logging in',
    alone: 'help',
    load: async () => (await import('../commands/auth.ts')).auth,
  },
  autoscale: {
    summary: 'how many processes their load calls for',
    alone: 'list',
    load: async () => (await import('../commands/autoscale.ts')).autoscale,
  },
  builds: {
    summary: 'what was built; deploy an image',
    alone: 'list',
    load: async () => (await import('../commands/builds.ts')).builds,
  },
  certs: {
    summary: 'certificates for domains',
    alone: 'list',
    load: async () => (await import('../commands/certs.ts')).certs,
  },
  completion: {
    summary: 'completion of commands in a shell',
    alone: 'itself',
    load: async () => (await import('../commands/completion.ts')).completion,
  },
  config: {
    summary: 'environment variables of an app',
    alone: 'list',
    load: async () => (await import('../commands/config.ts')).config,
  },
  doctor: {
    summary: 'what this installation can and cannot do',
    alone: 'itself',
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  domains: {
    summary: 'names an app is reached under',
    alone: 'list',
    load: async () => (await import('../commands/domains.ts')).domains,
  },
  git: { summary: 'git remotes of an app', alone: 'help', load: async () => (await import('../commands/git.ts')).git },
  healthchecks: {
    summary: 'how it is known that processes work',
    alone: 'list',
    load: async () => (await import('../commands/healthchecks.ts')).healthchecks,
  },
  keys: {
    summary: 'SSH keys that may push',
    alone: 'list',
    load: async () => (await import('../commands/keys.ts')).keys,
  },
  labels: {
    summary: 'labels of an app',
    alone: 'list',
    load: async () => (await import('../commands/labels.ts')).labels,
  },
  limits: {
    summary: 'how much memory and CPU processes may use',
    alone: 'list',
    load: async () => (await import('../commands/limits.ts')).limits,
  },
  maintenance: {
    summary: 'a page that tells visitors to come back later',
    alone: 'info',
    load: async () => (await import('../commands/maintenance.ts')).maintenance,
  },
  perms: {
    summary: 'who may use an app; administrators',
    alone: 'list',
    load: async () => (await import('../commands/perms.ts')).perms,
  },
  ps: { summary: 'processes of an app', alone: 'list', load: async () => (await import('../commands/ps.ts')).ps },
  registry: {
    summary: 'account for a private registry of images',
    alone: 'list',
    load: async () => (await import('../commands/registry.ts')).registry,
  },
  releases: {
    summary: 'what an app has run; go back to it',
    alone: 'list',
    load: async () => (await import('../commands/releases.ts')).releases,
  },
  routing: {
    summary: 'whether requests reach an app',
    alone: 'info',
    load: async () => (await import('../commands/routing.ts')).routing,
  },
  shortcuts: {
    summary: 'short names of commands',
    alone: 'list',
    load: async () => (await import('../commands/shortcuts.ts')).shortcutCommands,
  },
  tags: {
    summary: 'machines an app may run on',
    alone: 'list',
    load: async () => (await import('../commands/tags.ts')).tags,
  },
  tls: {
    summary: 'whether requests must be encrypted',
    alone: 'info',
    load: async () => (await import('../commands/tls.ts')).tls,
  },
  users: {
    summary: 'accounts on this controller',
    alone: 'list',
    load: async () => (await import('../commands/users.ts')).users,
  },
  version: {
    summary: 'versions of client and controller',
    alone: 'itself',
    load: async () => (await import('../commands/version.ts')).version,
  },
  whitelist: {
    summary: 'addresses an app may be reached from',
    alone: 'list',
    load: async () => (await import('../commands/whitelist.ts')).whitelist,
  },
}
