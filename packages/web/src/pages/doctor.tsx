// What can this platform do, and what needs an administrator?
import { type Check, doctor } from '@deis/types'
import type { Context } from '../context.ts'
import { useLoaded } from '../load.ts'
import { Failure, Waiting } from '../parts/page-state.tsx'

const refreshMs = 60_000

function levelOf({ status, concern }: Check): string {
  if (concern !== undefined) return 'bad'
  return status === 'ok' ? 'good' : status === 'limited' ? 'busy' : 'off'
}

export function Doctor({ context }: { readonly context: Context }) {
  const { value, error } = useLoaded((signal) => context.client.call(doctor, { signal }), '', refreshMs)
  return (
    <>
      <h1>Doctor</h1>
      <Failure text={error} />
      {value === null && error === null && <Waiting what="Examining the platform" />}
      {value !== null && (
        <>
          <p class="faint">
            Deis {value.version}, running apps on {value.scheduler}
          </p>
          <dl class="checks">
            {value.checks.map((check) => (
              <div key={check.name}>
                <dt>
                  <span class={`state ${levelOf(check)}`}>{check.concern ?? check.status}</span> {check.name}
                </dt>
                <dd>{check.detail}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
    </>
  )
}
