// Which topics are there, where are their commands, and which of those have short names (docs/contract/cli.md §1.3, §1.4)?
import type { Command } from 'commander'
import type { Context } from '../profile/context.ts'

export type Commands = (context: Context) => Command[]

export type Topic = {
  readonly summary: string
  /** What a topic without a verb runs: `TOPIC:list`, `TOPIC:info`, its help, or the command of that name. */
  readonly alone: 'list' | 'info' | 'help' | 'itself'
  /** Loads only what the topic needs, for a fast start. */
  readonly load: () => Promise<Commands>
}

export const topics: Readonly<Record<string, Topic>> = {
  apps: {
    summary: 'create, show and destroy apps',
    alone: 'list',
    load: async () => (await import('../commands/apps.ts')).apps,
  },
  auth: {
    summary: 'log in and out, and manage your account',
    alone: 'help',
    load: async () => (await import('../commands/auth.ts')).auth,
  },
  autoscale: {
    summary: 'scale processes by load',
    alone: 'list',
    load: async () => (await import('../commands/autoscale.ts')).autoscale,
  },
  builder: {
    summary: 'choose the image that builds an app',
    alone: 'info',
    load: async () => (await import('../commands/builder.ts')).builder,
  },
  buildpacks: {
    summary: 'choose the buildpacks of an app',
    alone: 'list',
    load: async () => (await import('../commands/buildpacks.ts')).buildpacks,
  },
  builds: {
    summary: 'list and follow builds, and deploy an image',
    alone: 'list',
    load: async () => (await import('../commands/builds.ts')).builds,
  },
  certs: {
    summary: 'manage certificates of domains',
    alone: 'list',
    load: async () => (await import('../commands/certs.ts')).certs,
  },
  completion: {
    summary: 'print a completion script for your shell',
    alone: 'itself',
    load: async () => (await import('../commands/completion.ts')).completion,
  },
  config: {
    summary: 'manage the environment variables of an app',
    alone: 'list',
    load: async () => (await import('../commands/config.ts')).config,
  },
  doctor: {
    summary: 'check what this installation can and cannot do',
    alone: 'itself',
    load: async () => (await import('../commands/doctor.ts')).doctor,
  },
  domains: {
    summary: 'manage the domains of an app',
    alone: 'list',
    load: async () => (await import('../commands/domains.ts')).domains,
  },
  drains: {
    summary: 'send the log lines of an app to other servers',
    alone: 'list',
    load: async () => (await import('../commands/drains.ts')).drains,
  },
  events: {
    summary: 'show who changed what, and from where',
    alone: 'list',
    load: async () => (await import('../commands/events.ts')).events,
  },
  git: {
    summary: 'manage the git remotes of an app',
    alone: 'help',
    load: async () => (await import('../commands/git.ts')).git,
  },
  healthchecks: {
    summary: 'manage health checks',
    alone: 'list',
    load: async () => (await import('../commands/healthchecks.ts')).healthchecks,
  },
  keys: {
    summary: 'manage your SSH keys',
    alone: 'list',
    load: async () => (await import('../commands/keys.ts')).keys,
  },
  labels: {
    summary: 'manage the labels of an app',
    alone: 'list',
    load: async () => (await import('../commands/labels.ts')).labels,
  },
  limits: {
    summary: 'limit the memory and CPU of processes',
    alone: 'list',
    load: async () => (await import('../commands/limits.ts')).limits,
  },
  maintenance: {
    summary: 'turn maintenance mode on and off',
    alone: 'info',
    load: async () => (await import('../commands/maintenance.ts')).maintenance,
  },
  perms: {
    summary: 'manage the users of an app, and admins',
    alone: 'list',
    load: async () => (await import('../commands/perms.ts')).perms,
  },
  ps: {
    summary: 'list, scale, restart and stop processes',
    alone: 'list',
    load: async () => (await import('../commands/ps.ts')).ps,
  },
  rebase: {
    summary: 'put a newer run image under an app',
    alone: 'itself',
    load: async () => (await import('../commands/rebase.ts')).rebase,
  },
  registry: {
    summary: 'set the account for a private image registry',
    alone: 'list',
    load: async () => (await import('../commands/registry.ts')).registry,
  },
  releases: {
    summary: 'list releases, and roll back to one',
    alone: 'list',
    load: async () => (await import('../commands/releases.ts')).releases,
  },
  routing: {
    summary: 'turn the routing of requests to an app on and off',
    alone: 'info',
    load: async () => (await import('../commands/routing.ts')).routing,
  },
  shortcuts: {
    summary: 'list the short names of commands',
    alone: 'list',
    load: async () => (await import('../commands/shortcuts.ts')).shortcutCommands,
  },
  tags: {
    summary: 'choose the machines that an app runs on',
    alone: 'list',
    load: async () => (await import('../commands/tags.ts')).tags,
  },
  tls: {
    summary: 'enforce HTTPS, and tell browsers to use it',
    alone: 'info',
    load: async () => (await import('../commands/tls.ts')).tls,
  },
  users: {
    summary: 'list the users of this controller',
    alone: 'list',
    load: async () => (await import('../commands/users.ts')).users,
  },
  version: {
    summary: 'show the versions of client and controller',
    alone: 'itself',
    load: async () => (await import('../commands/version.ts')).version,
  },
  whitelist: {
    summary: 'limit the addresses that may reach an app',
    alone: 'list',
    load: async () => (await import('../commands/whitelist.ts')).whitelist,
  },
}

export const shortcuts: Readonly<Record<string, string>> = {
  create: 'apps:create',
  destroy: 'apps:destroy',
  exec: 'ps:exec',
  info: 'apps:info',
  login: 'auth:login',
  logout: 'auth:logout',
  logs: 'apps:logs',
  open: 'apps:open',
  passwd: 'auth:passwd',
  pull: 'builds:create',
  register: 'auth:register',
  rename: 'apps:rename',
  rollback: 'releases:rollback',
  run: 'apps:run',
  'run:detached': 'ps:start',
  scale: 'ps:scale',
  sharing: 'perms:list',
  'sharing:add': 'perms:create',
  'sharing:list': 'perms:list',
  'sharing:remove': 'perms:delete',
  whoami: 'auth:whoami',
}

/** `create -> apps:create`, by name. */
export function shortcutLines(): string[] {
  return Object.keys(shortcuts)
    .toSorted()
    .map((name) => `${name} -> ${shortcuts[name]}`)
}
