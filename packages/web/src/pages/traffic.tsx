// How was an app in the last hour: how many requests, how many errors, how fast?
import type { AppTraffic } from '@deis/types'
import { getTraffic } from '@deis/types'
import { useLoaded } from '../load.ts'
import { Failure } from '../parts/page-state.tsx'
import { count, duration, heights, linePath, roundUp } from '../plot.ts'
import type { AppGiven } from './app.tsx'

const refreshMs = 20_000
const width = 360
const height = 60

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

type BarsGiven = { readonly numbers: readonly number[]; readonly label: string; readonly level: string }

function Bars({ numbers, label, level }: BarsGiven) {
  const step = width / numbers.length
  return (
    <svg class={`plot ${level}`} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {heights(numbers, height).map((bar, index) => (
        <rect key={index} x={index * step} y={height - bar} width={step - 1} height={bar} />
      ))}
      <path class="ground" d={`M0 ${height - 0.5}h${width}`} />
    </svg>
  )
}

function Durations({ traffic }: { readonly traffic: AppTraffic }) {
  const most = roundUp(Math.max(...traffic.p95.map((one) => one ?? 0)))
  const label = `95 % of the requests took at most ${duration(most)}, in each minute of the last hour`
  return (
    <svg class="plot" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      <path class="second" d={linePath(traffic.p50, { width, height, most })} />
      <path class="first" d={linePath(traffic.p95, { width, height, most })} />
      <path class="ground" d={`M0 ${height - 0.5}h${width}`} />
    </svg>
  )
}

export function Traffic({ context, app }: AppGiven) {
  const { value, error } = useLoaded(
    (signal) => context.client.call(getTraffic, { params: { id: app }, signal }),
    app,
    refreshMs,
  )
  if (value === null) return <Failure text={error} />
  const requests = sum(value.requests)
  const errors = sum(value.server_errors)
  const slow = value.p95.filter((one) => one !== null).at(-1)
  return (
    <section aria-labelledby="traffic">
      <h2 id="traffic">Last hour</h2>
      <Failure text={error} />
      <div class="plots">
        <figure>
          <figcaption>
            Requests <strong>{count(requests)}</strong>
          </figcaption>
          <Bars
            numbers={value.requests}
            label={`${count(requests)} requests, by minute; at most ${count(Math.max(...value.requests))} in one`}
            level="usual"
          />
        </figure>
        <figure>
          <figcaption>
            Errors (5xx) <strong>{count(errors)}</strong>
          </figcaption>
          <Bars numbers={value.server_errors} label={`${count(errors)} answers with an error, by minute`} level="bad" />
        </figure>
        <figure>
          <figcaption>
            Duration, 95 % and 50 % <strong>{slow === undefined ? 'none' : duration(slow)}</strong>
          </figcaption>
          <Durations traffic={value} />
        </figure>
      </div>
    </section>
  )
}
