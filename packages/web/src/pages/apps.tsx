// Which apps may this user see, and how are they?
import { useState } from 'preact/hooks'
import { type App, listApps, listPods, type Pod } from '@deis/types'
import type { Context } from '../context.ts'
import { useLoaded } from '../load.ts'
import { addressOf } from '../location.ts'
import { type AppHealth, healthOf } from '../health.ts'
import { Moment } from '../parts/moment.tsx'
import { Failure, Nothing, Waiting } from '../parts/page-state.tsx'

const pageSize = 50
/** Each asks the scheduler once. */
const podsAtOnce = 4
const refreshMs = 15_000

type Listed = { readonly app: App; readonly health: AppHealth | null }

/** Pods of each app, a few at a time; null where they could not be told. */
async function podsOf(
  { client }: Context,
  apps: readonly App[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Pod[] | null>> {
  const found = new Map<string, readonly Pod[] | null>()
  const left = [...apps]
  const work = async (): Promise<void> => {
    for (let app = left.shift(); app !== undefined; app = left.shift()) {
      const { id } = app
      const pods = await client.call(listPods, { params: { id }, query: { limit: '1000' }, signal }).catch(() => null)
      found.set(id, pods?.results ?? null)
    }
  }
  await Promise.all(Array.from({ length: podsAtOnce }, work))
  return found
}

export function Apps({ context }: { readonly context: Context }) {
  const { client } = context
  const [offset, setOffset] = useState(0)
  const { value, error } = useLoaded(
    async (signal) => {
      const page = await client.call(listApps, { query: { limit: `${pageSize}`, offset: `${offset}` }, signal })
      const pods = await podsOf(context, page.results, signal)
      const listed = page.results.map((app): Listed => {
        const found = pods.get(app.id) ?? null
        return { app, health: found === null ? null : healthOf(app.structure, found) }
      })
      return { count: page.count, listed }
    },
    `${offset}`,
    refreshMs,
  )
  return (
    <>
      <h1>Apps</h1>
      <Failure text={error} />
      {value === null && error === null && <Waiting what="Loading the apps" />}
      {value?.count === 0 && (
        <Nothing>
          No apps yet. In a folder with your code: <code>deis create</code>, then <code>git push deis master</code>.
        </Nothing>
      )}
      {value !== null && value.count > 0 && (
        <>
          <table>
            <thead>
              <tr>
                <th scope="col">App</th>
                <th scope="col">State</th>
                <th scope="col">Owner</th>
                <th scope="col">Changed</th>
              </tr>
            </thead>
            <tbody>
              {value.listed.map(({ app, health }) => (
                <tr key={app.uuid}>
                  <th scope="row">
                    <a href={addressOf({ name: 'app', app: app.id, view: 'overview', item: null })}>{app.id}</a>
                  </th>
                  <td data-label="State">
                    {health === null ? (
                      <span class="faint">not known</span>
                    ) : (
                      <span class={`state ${health.level}`}>{health.text}</span>
                    )}
                  </td>
                  <td data-label="Owner">{app.owner}</td>
                  <td data-label="Changed">
                    <Moment time={app.updated} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          <Pages count={value.count} offset={offset} go={setOffset} />
        </>
      )}
    </>
  )
}

type PagesGiven = { readonly count: number; readonly offset: number; readonly go: (offset: number) => void }

function Pages({ count, offset, go }: PagesGiven) {
  if (count <= pageSize) return null
  return (
    <nav class="pages" aria-label="Pages of apps">
      <button type="button" disabled={offset === 0} onClick={() => go(Math.max(0, offset - pageSize))}>
        Previous
      </button>
      <span>
        {offset + 1}–{Math.min(count, offset + pageSize)} of {count}
      </span>
      <button type="button" disabled={offset + pageSize >= count} onClick={() => go(offset + pageSize)}>
        Next
      </button>
    </nav>
  )
}
