// Which buildpacks are tried, when an app names them?
import { stringify } from 'smol-toml'
import { BuildFailure } from '@deis/ports/builder'
import type { BuilderFacts } from './builder-facts.ts'
import type { Project, WantedBuildpack } from './project-toml.ts'

type Placed = { readonly id: string; readonly version: string; readonly optional: boolean }

/** `id` or `id@version`. */
function named(text: string): WantedBuildpack {
  const [id = '', version] = text.split('@', 2)
  return { id, version: version ?? null, optional: false }
}

/** A version must be there, and one that the builder has. @throws BuildFailure */
function placed({ name, buildpacks }: BuilderFacts, { id, version, optional }: WantedBuildpack): Placed {
  const versions = buildpacks.filter((one) => one.id === id).map((one) => one.version)
  const found = version === null ? versions.at(-1) : versions.find((one) => one === version)
  if (found !== undefined) return { id, version: found, optional }
  const why =
    versions.length > 0
      ? `has it in version ${versions.join(', ')}`
      : `has ${[...new Set(buildpacks.map((one) => one.id))].join(', ') || 'none'}`
  throw new BuildFailure(
    `The buildpack "${id.slice(0, 200)}${version === null ? '' : `@${version.slice(0, 100)}`}" is not in the builder ${name}, which ${why}.`,
  )
}

/** The text of order.toml; null: the builder's own order counts. */
export function orderFile(
  facts: BuilderFacts,
  chosen: readonly string[] | undefined,
  project: Project | null,
): string | null {
  const place = (one: WantedBuildpack): Placed => placed(facts, one)
  const pre = (project?.pre ?? []).map(place)
  const post = (project?.post ?? []).map(place)
  const group = chosen !== undefined && chosen.length > 0 ? chosen.map(named) : (project?.group ?? null)
  if (group === null && pre.length === 0 && post.length === 0) return null
  const groups = group === null ? facts.order : [group.map(place)]
  return stringify({
    order: groups.map((one) => ({
      group: [...pre, ...one, ...post].map(({ id, version, optional }) => ({
        id,
        version,
        ...(optional ? { optional } : {}),
      })),
    })),
  })
}
