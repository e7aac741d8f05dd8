// Does what was deployed answer requests, and if not, what would help?
import type { Structure } from '@deis/types'
import { type BuildShape, typesOf } from '../apps/structure.ts'

/** Null when requests are answered, or when routing is disabled and something runs. */
export function idleNotice(app: string, structure: Structure, build: BuildShape, routable: boolean): string | null {
  const runs = (type: string): boolean => (structure[type] ?? 0) > 0
  const types = typesOf(build)
  const answers = ['web', 'cmd'].filter((type) => types.includes(type))
  const isIdle = !types.some(runs)
  if (answers.some(runs) || (!routable && !isIdle)) return null
  const [start] = routable && answers.length > 0 ? answers : types
  const remedy = `Start one with: deis scale ${start}=1 -a ${app}`
  if (isIdle) return `No process of "${app}" runs, because every process type is scaled to 0. ${remedy}`
  if (answers.length > 0)
    return `Nothing answers requests to "${app}", because no ${answers.join(' or ')} process runs. ${remedy}`
  return `Nothing answers requests to "${app}", because its Procfile has no type web. Add a line "web: <command>" and push again, or disable routing with: deis routing:disable -a ${app}`
}
