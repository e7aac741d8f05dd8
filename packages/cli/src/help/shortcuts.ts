// Which short names do commands have (docs/contract/cli.md §1.4)?
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
