// How is an app, as its processes tell?
import type { Pod, Structure } from '@deis/types'

export type AppHealth = { readonly level: 'good' | 'busy' | 'bad' | 'off'; readonly text: string }

const ends = new Set(['crashed', 'error', 'failed', 'down', 'destroyed'])

const isBad = (state: string): boolean => ends.has(state) || /backoff|err/i.test(state)

/** `structure`: the wanted number of each type. */
export function healthOf(structure: Structure, pods: readonly Pod[]): AppHealth {
  const wanted = Object.values(structure).reduce((sum, count) => sum + count, 0)
  const up = pods.filter(({ state }) => state === 'up').length
  const bad = pods.find(({ state }) => isBad(state))
  if (wanted === 0 && pods.length === 0) return { level: 'off', text: 'no processes' }
  if (bad !== undefined) return { level: 'bad', text: `${bad.type} ${bad.state}, ${up} of ${wanted} up` }
  if (up < wanted || pods.length > up) return { level: 'busy', text: `${up} of ${wanted} up` }
  return { level: 'good', text: `${up} up` }
}

export function levelOf(state: string): AppHealth['level'] {
  if (state === 'up') return 'good'
  return isBad(state) ? 'bad' : 'busy'
}
