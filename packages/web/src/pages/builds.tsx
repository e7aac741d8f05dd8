// Which builds does an app have, and what did one print?
import { type Build, buildOutcome, getBuildLog, listBuilds } from '@deis/types'
import { useLoaded } from '../load.ts'
import { addressOf } from '../location.ts'
import { Output } from '../parts/output.tsx'
import { Moment } from '../parts/moment.tsx'
import { Failure, Nothing, Waiting } from '../parts/page-state.tsx'
import type { AppGiven } from './app.tsx'

const refreshMs = 10_000
const levels: Readonly<Record<string, string>> = {
  succeeded: 'good',
  running: 'busy',
  deploying: 'busy',
  failed: 'bad',
  'deploy failed': 'bad',
  abandoned: 'bad',
}

export function Builds({ context, app, build }: AppGiven & { readonly build: string | null }) {
  return build === null ? (
    <BuildList context={context} app={app} />
  ) : (
    <>
      <p class="path">
        <a href={addressOf({ name: 'app', app, view: 'builds', item: null })}>Builds</a>
      </p>
      <h2>Build {build.slice(0, 8)}</h2>
      <Output
        about={`${app} ${build}`}
        label={`Output of build ${build.slice(0, 8)}`}
        empty="No output yet."
        follow={(signal, text) =>
          context.client.follow(getBuildLog, { params: { id: app, uuid: build }, query: { follow: '1' }, signal }, text)
        }
      />
    </>
  )
}

function Outcome({ build }: { readonly build: Build }) {
  const outcome = buildOutcome(build)
  return <span class={`state ${levels[outcome] ?? 'off'}`}>{outcome}</span>
}

function BuildList({ context, app }: AppGiven) {
  const { value, error } = useLoaded(
    (signal) => context.client.call(listBuilds, { params: { id: app }, query: { all: '1', limit: '50' }, signal }),
    app,
    refreshMs,
  )
  if (value === null) return error === null ? <Waiting what="Loading the builds" /> : <Failure text={error} />
  return (
    <>
      <Failure text={error} />
      {value.results.length === 0 && <Nothing>No builds yet.</Nothing>}
      {value.results.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Build</th>
              <th scope="col">State</th>
              <th scope="col">Commit</th>
              <th scope="col">By</th>
              <th scope="col">Begun</th>
            </tr>
          </thead>
          <tbody>
            {value.results.map((build) => (
              <tr key={build.uuid}>
                <th scope="row">
                  <a href={addressOf({ name: 'app', app, view: 'builds', item: build.uuid })}>
                    {build.uuid.slice(0, 8)}
                  </a>
                </th>
                <td data-label="State">
                  <Outcome build={build} />
                </td>
                <td data-label="Commit">
                  <code>{build.sha.slice(0, 8)}</code>
                </td>
                <td data-label="By">{build.owner}</td>
                <td data-label="Begun">
                  <Moment time={build.created} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}
