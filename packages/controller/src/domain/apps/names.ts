// Which name does an app get by default, and which names are reserved (docs/contract/api.md §3.10)?
import { type Config, isRouted } from '../../config.ts'
import type { Core } from '../core.ts'
import { spellings } from '../edge/domain-rules.ts'
import { apiHost } from '../edge/routes.ts'

const adjectives =
  'amber ample brave brisk calm clear clever coral cosmic crisp dapper dawn eager early elder ember fabled fair fleet fresh gentle glad golden grand happy hardy hazel honest humble ivory jolly keen kind lively lucid lunar mellow merry mighty misty modest noble olive opal placid plucky polar prime proud quick quiet rapid ready royal rustic sandy serene sharp shiny silver smooth snowy solar solid spry stable steady sunny swift tidal tidy upbeat urban velvet vivid warm wild wise witty young zesty'.split(
    ' ',
  )
const nouns =
  'acorn anchor anvil arrow aspen badger barley basin beacon birch bison bramble breeze bridge brook canyon cedar cliff clover comet compass coral cove crane creek dune eagle ember falcon fern fjord forest fox galaxy garden glacier glade grove harbor hawk heron hill island jaguar juniper kestrel lagoon lantern lark lily lynx maple marten meadow mesa moss nebula oak orchard otter owl panda pebble pine planet pond prairie quail quartz raven reef ridge river robin sable shore sparrow spruce summit thicket tiger trail tulip valley walnut willow wren'.split(
    ' ',
  )

/** `<adjective>-<noun>`; `random` gives numbers in [0, 1). */
export function inventName(random: () => number): string {
  const pick = (words: readonly string[]): string => words[Math.floor(random() * words.length)] ?? 'app'
  return `${pick(adjectives)}-${pick(nouns)}`
}

/** With the API behind the router, its own name is never an app's, whatever the operator reserves. */
export function isReserved(config: Pick<Config, 'reservedNames' | 'apiUpstream' | 'publicApi'>, id: string): boolean {
  return config.reservedNames.includes(id) || (isRouted(config) && id === apiHost)
}

/** Whether the address of an app of that name leads to an app already, other than `own`. */
export async function isDomain(core: Pick<Core, 'db' | 'config'>, id: string, own?: string): Promise<boolean> {
  const domain = { in: spellings(id, core.config.platformDomain) }
  return (await core.db.domain.count({ where: { domain, ...(own ? { appUuid: { not: own } } : {}) } })) > 0
}

/** Names are looked up and then stored, one at a time on all controllers, so that two that overlap are not both found free. */
export function oneNameAtATime<T>(core: Pick<Core, 'queue'>, work: () => Promise<T>): Promise<T> {
  return core.queue.run('names/domains', work)
}
