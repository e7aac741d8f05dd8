// Which certificates does this user have, and when do they expire?
import { listAutoCerts, listCerts } from '@deis/types'
import type { Context } from '../context.ts'
import { useLoaded } from '../load.ts'
import { Moment } from '../parts/moment.tsx'
import { Failure, Nothing, Waiting } from '../parts/page-state.tsx'

const refreshMs = 60_000
const dayMs = 24 * 60 * 60_000

function levelOf(expires: string, now: number): string {
  const left = Date.parse(expires) - now
  if (left <= 0) return 'bad'
  return left < 14 * dayMs ? 'busy' : 'good'
}

const autoLevels: Readonly<Record<string, string>> = {
  pending: 'busy',
  proving: 'busy',
  issued: 'good',
  failed: 'bad',
  blocked: 'bad',
}

/** Those that the platform gets by itself. */
function AutoCerts({ context }: { readonly context: Context }) {
  const { value, error } = useLoaded(
    (signal) => context.client.call(listAutoCerts, { query: { limit: '100' }, signal }),
    '',
    refreshMs,
  )
  if (value === null || value.results.length === 0) return <Failure text={error} />
  return (
    <section aria-labelledby="auto">
      <h2 id="auto">Renewed by the platform</h2>
      <Failure text={error} />
      <table>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">App</th>
            <th scope="col">Issuer</th>
            <th scope="col">Expires</th>
            <th scope="col">Next try</th>
          </tr>
        </thead>
        <tbody>
          {value.results.map(({ host, state, app, issuer, expires, next, error: last }) => (
            <tr key={host}>
              <th scope="row">{host}</th>
              <td data-label="State">
                <span class={`state ${autoLevels[state] ?? 'off'}`}>{state}</span>
                {last !== null && <div class="faint">{last.detail}</div>}
              </td>
              <td data-label="App">{app ?? 'the platform'}</td>
              <td data-label="Issuer">{issuer ?? 'none'}</td>
              <td data-label="Expires">{expires === null ? 'none' : <Moment time={expires} />}</td>
              <td data-label="Next try">
                <Moment time={next} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

export function Certs({ context }: { readonly context: Context }) {
  const { value, error } = useLoaded(
    (signal) => context.client.call(listCerts, { query: { limit: '100' }, signal }),
    '',
    refreshMs,
  )
  return (
    <>
      <h1>Certificates</h1>
      <AutoCerts context={context} />
      <h2>Yours</h2>
      <Failure text={error} />
      {value === null && error === null && <Waiting what="Loading the certificates" />}
      {value?.results.length === 0 && (
        <Nothing>
          No certificates. Add one with <code>deis certs:add</code>.
        </Nothing>
      )}
      {value !== null && value.results.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Certificate</th>
              <th scope="col">Names</th>
              <th scope="col">Domains</th>
              <th scope="col">Issuer</th>
              <th scope="col">Expires</th>
            </tr>
          </thead>
          <tbody>
            {value.results.map((cert) => (
              <tr key={cert.id}>
                <th scope="row">{cert.name}</th>
                <td data-label="Names">{[cert.common_name, ...cert.san].filter(isFirst).join(', ')}</td>
                <td data-label="Domains">{cert.domains.join(', ') || 'none'}</td>
                <td data-label="Issuer">{cert.issuer}</td>
                <td data-label="Expires">
                  <span class={`state ${levelOf(cert.expires, Date.now())}`}>
                    <Moment time={cert.expires} />
                  </span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

const isFirst = (name: string | null, at: number, all: readonly (string | null)[]): boolean =>
  name !== null && all.indexOf(name) === at
