// What is there to see of one app?
import type { AppView } from '../location.ts'
import { addressOf, appViews } from '../location.ts'
import type { Context } from '../context.ts'
import { appAddress } from '../text.ts'
import { Builds } from './builds.tsx'
import { Logs } from './logs.tsx'
import { Overview } from './overview.tsx'
import { Releases } from './releases.tsx'

const titles: Readonly<Record<AppView, string>> = {
  overview: 'Overview',
  releases: 'Releases',
  logs: 'Logs',
  builds: 'Builds',
}

export type AppGiven = { readonly context: Context; readonly app: string }

type Given = AppGiven & { readonly view: AppView; readonly item: string | null }

export function AppPage({ context, app, view, item }: Given) {
  const address = appAddress(app, context.platform, location)
  return (
    <>
      <p class="path">
        <a href="#/apps">Apps</a>
      </p>
      <h1>{app}</h1>
      {address !== null && (
        <p>
          <a href={address} rel="noreferrer noopener" target="_blank">
            {address}
          </a>
        </p>
      )}
      <nav class="tabs" aria-label={`Views of ${app}`}>
        {appViews.map((one) => (
          <a
            key={one}
            href={addressOf({ name: 'app', app, view: one, item: null })}
            aria-current={one === view ? 'page' : undefined}
          >
            {titles[one]}
          </a>
        ))}
      </nav>
      {view === 'overview' && <Overview key={app} context={context} app={app} />}
      {view === 'releases' && <Releases key={app} context={context} app={app} />}
      {view === 'logs' && <Logs key={app} context={context} app={app} />}
      {view === 'builds' && <Builds key={app} context={context} app={app} build={item} />}
    </>
  )
}
