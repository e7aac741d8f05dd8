// How is a release described in one line (docs/contract/api.md §3.4)?
import type { ConfigMaps } from '../apps/config-rules.ts'

type Keys = { added: string[]; changed: string[]; deleted: string[] }

function compare(before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>): Keys {
  const same = (key: string): boolean => JSON.stringify(before[key]) === JSON.stringify(after[key])
  const sorted = (keys: string[]): string[] => keys.toSorted()
  return {
    added: sorted(Object.keys(after).filter((key) => !Object.hasOwn(before, key))),
    changed: sorted(Object.keys(after).filter((key) => Object.hasOwn(before, key) && !same(key))),
    deleted: sorted(Object.keys(before).filter((key) => !Object.hasOwn(after, key))),
  }
}

function groups(keys: Keys, what: string): string {
  const named = (verb: string, list: string[]): string[] =>
    list.length > 0 ? [`${verb} ${what}${list.join(', ')}`] : []
  return [...named('added', keys.added), ...named('changed', keys.changed), ...named('deleted', keys.deleted)].join(
    ', ',
  )
}

const differs = (keys: Keys): boolean => keys.added.length + keys.changed.length + keys.deleted.length > 0

/** What a config change did; an empty list when nothing changed. */
function configChanges(before: ConfigMaps, after: ConfigMaps): string[] {
  const limits = (['memory', 'cpu'] as const).filter((map) => differs(compare(before[map], after[map])))
  const probes = (map: ConfigMaps['healthcheck']): Record<string, unknown> =>
    Object.fromEntries(Object.entries(map).map(([type, value]) => [type || 'default', value]))
  return [
    groups(compare(before.values, after.values), ''),
    limits.length > 0 ? `changed limits for ${limits.join(', ')}` : '',
    groups(compare(before.tags, after.tags), 'tag '),
    groups(compare(before.registry, after.registry), 'registry info '),
    groups(compare(probes(before.healthcheck), probes(after.healthcheck)), 'healthcheck info for proc type '),
  ].filter((part) => part !== '')
}

/** `autotest added FOO, changed BAR and autotest added tag ssd`; empty when there is nothing to say. */
export function configSummary(user: string, before: ConfigMaps, after: ConfigMaps): string {
  return configChanges(before, after)
    .map((part) => `${user} ${part}`)
    .join(' and ')
}

export function buildSummary(user: string, build: { readonly sha: string; readonly image: string }): string {
  return `${user} deployed ${build.sha === '' ? build.image : build.sha.slice(0, 7)}`
}

export const rebaseSummary = (user: string, runImage: string): string => `${user} rebased onto ${runImage}`
