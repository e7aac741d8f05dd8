// Which default process types does the output of bin/release declare?
import { alikeTypes, isProcessType } from '@deis/types'
import { parse } from 'yaml'
import { procfileLimits } from '@deis/ports/procfile'

export type ReleaseInfo = {
  readonly processes: Record<string, string>
  /** What was in it and is not used. */
  readonly ignored: readonly string[]
}

/** Output that is not YAML, or contains no types, declares none. */
export function parseRelease(text: string): ReleaseInfo {
  let value: unknown
  try {
    value = parse(text)
  } catch {
    return { processes: {}, ignored: ['the output of bin/release, which is not YAML'] }
  }
  const map = value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
  const ignored = ['config_vars', 'addons'].filter((name) => {
    const legacy = map[name]
    return legacy !== null && typeof legacy === 'object' && Object.keys(legacy).length > 0
  })
  const types = map.default_process_types
  const entries = types !== null && typeof types === 'object' ? Object.entries(types) : []
  const processes: [string, string][] = []
  for (const [type, command] of entries) {
    const usable =
      typeof command === 'string' &&
      command.trim() !== '' &&
      command.length <= procfileLimits.commandLength &&
      isProcessType(type) &&
      alikeTypes([...processes.map(([name]) => name), type]) === null &&
      processes.length < procfileLimits.types
    if (usable) processes.push([type, command.trim()])
    else ignored.push(`default process type ${JSON.stringify(type)}`)
  }
  return { processes: Object.fromEntries(processes), ignored }
}
