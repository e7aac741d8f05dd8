// Which processes does an app have, and which safe changes can be made here: scale, restart, maintenance?
import { useState } from 'preact/hooks'
import { getApp, getSettings, listDomains, listPods, restartPods, scaleApp, setSettings } from '@deis/types'
import { levelOf } from '../health.ts'
import { useAction, useLoaded } from '../load.ts'
import { Confirm, type Question } from '../parts/confirm.tsx'
import { Moment } from '../parts/moment.tsx'
import { Failure, Nothing, Waiting } from '../parts/page-state.tsx'
import type { AppGiven } from './app.tsx'
import { Traffic } from './traffic.tsx'

const refreshMs = 5_000

export function Overview({ context, app }: AppGiven) {
  const { client } = context
  const params = { id: app }
  const { value, error, reload } = useLoaded(
    async (signal) => {
      const [found, pods, settings, domains] = await Promise.all([
        client.call(getApp, { params, signal }),
        client.call(listPods, { params, query: { limit: '1000' }, signal }),
        client.call(getSettings, { params, signal }),
        client.call(listDomains, { params, query: { limit: '100' }, signal }),
      ])
      return { app: found, pods: pods.results, maintenance: settings.maintenance === true, domains: domains.results }
    },
    app,
    refreshMs,
  )
  const [question, setQuestion] = useState<Question | null>(null)
  const restart = useAction(async () => {
    await client.call(restartPods, { params })
    reload()
  })
  const maintenance = value?.maintenance ?? false
  const maintain = useAction(async () => {
    await client.call(setSettings, { params, body: { maintenance: !maintenance } })
    reload()
  })
  if (value === null) return error === null ? <Waiting what="Loading the app" /> : <Failure text={error} />
  const types = [...new Set([...Object.keys(value.app.procfile_structure ?? {}), ...Object.keys(value.app.structure)])]
  return (
    <>
      <Failure text={error} />
      {maintenance && <p class="notice">Maintenance mode is on: visitors get a page that says so.</p>}
      <Traffic context={context} app={app} />
      <section aria-labelledby="types">
        <h2 id="types">Process types</h2>
        {types.length === 0 && <Nothing>No release runs processes yet.</Nothing>}
        {types.toSorted().map((type) => (
          <Scale
            key={type}
            type={type}
            command={value.app.procfile_structure?.[type] ?? ''}
            count={value.app.structure[type] ?? 0}
            scale={async (count) => {
              await client.call(scaleApp, { params, body: { [type]: count } })
              reload()
            }}
          />
        ))}
      </section>
      <section aria-labelledby="processes">
        <h2 id="processes">Processes</h2>
        {value.pods.length === 0 && <Nothing>No processes run.</Nothing>}
        {value.pods.length > 0 && (
          <table>
            <thead>
              <tr>
                <th scope="col">Process</th>
                <th scope="col">State</th>
                <th scope="col">Release</th>
                <th scope="col">Started</th>
              </tr>
            </thead>
            <tbody>
              {value.pods.map((pod) => (
                <tr key={pod.name}>
                  <th scope="row">{pod.name}</th>
                  <td data-label="State">
                    <span class={`state ${levelOf(pod.state)}`}>{pod.state}</span>
                  </td>
                  <td data-label="Release">{pod.release}</td>
                  <td data-label="Started">
                    <Moment time={pod.started} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </section>
      <section aria-labelledby="domains">
        <h2 id="domains">Domains</h2>
        <ul class="plain">
          {value.domains.map(({ domain }) => (
            <li key={domain}>{domain}</li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="actions">
        <h2 id="actions">Actions</h2>
        <div class="buttons">
          <button
            type="button"
            disabled={restart.running || value.pods.length === 0}
            onClick={() =>
              setQuestion({
                title: `Restart ${app}?`,
                text: 'New processes start first; the old ones end when the new ones are ready.',
                yes: 'Restart',
                act: restart.run,
              })
            }
          >
            {restart.running ? 'Restarting…' : 'Restart'}
          </button>
          <button
            type="button"
            disabled={maintain.running}
            onClick={() =>
              setQuestion(
                maintenance
                  ? {
                      title: 'Turn maintenance mode off?',
                      text: `Visitors reach ${app} again.`,
                      yes: 'Turn off',
                      act: maintain.run,
                    }
                  : {
                      title: 'Turn maintenance mode on?',
                      text: `Visitors of ${app} get a page that says so, until it is turned off.`,
                      yes: 'Turn on',
                      act: maintain.run,
                    },
              )
            }
          >
            {maintenance ? 'Turn maintenance off' : 'Turn maintenance on'}
          </button>
        </div>
        <Failure text={restart.error ?? maintain.error} />
      </section>
      <Confirm question={question} close={() => setQuestion(null)} />
    </>
  )
}

type ScaleGiven = {
  readonly type: string
  readonly command: string
  readonly count: number
  readonly scale: (count: number) => Promise<void>
}

function Scale({ type, command, count, scale }: ScaleGiven) {
  const [text, setText] = useState<string | null>(null)
  const wanted = text === null ? count : Number(text)
  const { running, error, run } = useAction(async () => {
    await scale(wanted)
    setText(null)
  })
  const isValid = Number.isInteger(wanted) && wanted >= 0 && wanted <= 1_000 && text !== ''
  return (
    <form
      class="scale"
      onSubmit={(event) => {
        event.preventDefault()
        if (isValid && wanted !== count) run()
      }}
    >
      <label>
        <strong>{type}</strong>
        <input
          type="number"
          min="0"
          max="1000"
          inputMode="numeric"
          value={text ?? `${count}`}
          disabled={running}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={running || !isValid || wanted === count}>
        {running ? 'Scaling…' : 'Scale'}
      </button>
      <code>{command}</code>
      <Failure text={error} />
    </form>
  )
}
