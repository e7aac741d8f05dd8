// What surrounds every view: navigation, and who is signed in?
import { getPlatform } from '@deis/types'
import type { Client } from './client.ts'
import type { Context } from './context.ts'
import { useLoaded } from './load.ts'
import { addressOf, useView, type View } from './location.ts'
import { AppPage } from './pages/app.tsx'
import { Apps } from './pages/apps.tsx'
import { Certs } from './pages/certs.tsx'
import { Doctor } from './pages/doctor.tsx'
import { Failure } from './parts/page-state.tsx'

const pages = [
  ['apps', 'Apps'],
  ['certs', 'Certificates'],
  ['doctor', 'Doctor'],
] as const

function Content({ view, context }: { readonly view: View; readonly context: Context }) {
  switch (view.name) {
    case 'app':
      return <AppPage context={context} app={view.app} view={view.view} item={view.item} />
    case 'certs':
      return <Certs context={context} />
    case 'doctor':
      return <Doctor context={context} />
    default:
      return <Apps context={context} />
  }
}

type Given = { readonly client: Client; readonly username: string; readonly leave: () => void }

export function Platform({ client, username, leave }: Given) {
  const view = useView()
  const { value, error } = useLoaded((signal) => client.call(getPlatform, { signal }), username, 5 * 60_000)
  const current = view.name === 'app' ? 'apps' : view.name
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        Skip to the content
      </a>
      <header>
        <a class="brand" href="#/apps">
          Deis
        </a>
        <nav aria-label="Platform">
          {pages.map(([name, title]) => (
            <a key={name} href={addressOf({ name })} aria-current={current === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <div class="who">
          <span>{username}</span>
          <button type="button" onClick={leave}>
            Sign out
          </button>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Failure text={error} />
        <Content view={view} context={{ client, username, platform: value ?? {} }} />
      </main>
    </>
  )
}

/** The part behind `#` names a view, so the link itself must not change it. */
function skip(event: Event): void {
  event.preventDefault()
  document.getElementById('content')?.focus()
}
