// Who released what and why, and how is an earlier release brought back?
import { useState } from 'preact/hooks'
import { listReleases, type Release, rollback } from '@deis/types'
import { useAction, useLoaded } from '../load.ts'
import { Confirm, type Question } from '../parts/confirm.tsx'
import { Moment } from '../parts/moment.tsx'
import { Failure, Nothing, Waiting } from '../parts/page-state.tsx'
import type { AppGiven } from './app.tsx'

const refreshMs = 15_000

export function Releases({ context, app }: AppGiven) {
  const { client } = context
  const params = { id: app }
  const { value, error, reload } = useLoaded(
    (signal) => client.call(listReleases, { params, query: { limit: '100' }, signal }),
    app,
    refreshMs,
  )
  const [question, setQuestion] = useState<Question | null>(null)
  const back = useAction(async (version: number) => {
    await client.call(rollback, { params, body: { version } })
    reload()
  })
  const ask = (release: Release): void => {
    const { version } = release
    setQuestion({
      title: `Roll back to v${version}?`,
      text: `Its build and config are released again, under a new number: ${release.summary}`,
      yes: 'Roll back',
      act: () => back.run(version),
    })
  }
  if (value === null) return error === null ? <Waiting what="Loading the releases" /> : <Failure text={error} />
  const current = value.results.find(({ failed }) => !failed)
  return (
    <>
      <Failure text={error ?? back.error} />
      {back.running && <Waiting what="Rolling back" />}
      {value.results.length === 0 && <Nothing>No releases yet.</Nothing>}
      <ol class="releases">
        {value.results.map((release) => (
          <li key={release.uuid} class={release.failed ? 'failed' : undefined}>
            <strong>v{release.version}</strong>
            <div>
              <div>{release.summary}</div>
              <div class="faint">
                {release.owner}, <Moment time={release.created} />
                {release === current && <span class="state good">current</span>}
                {release.failed && <span class="state bad">failed</span>}
              </div>
              {release.exception && <p class="failure">{release.exception}</p>}
            </div>
            {release !== current && !release.failed && release.build !== null && (
              <button
                type="button"
                disabled={back.running}
                aria-label={`Roll back to v${release.version}`}
                onClick={() => ask(release)}
              >
                Roll back
              </button>
            )}
          </li>
        ))}
      </ol>
      {value.count > value.results.length && (
        <p class="faint">
          The newest {value.results.length} of {value.count}; all: <code>deis releases -a {app} --limit=1000</code>
        </p>
      )}
      <Confirm question={question} close={() => setQuestion(null)} />
    </>
  )
}
