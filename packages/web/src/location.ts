// Which view does the address name?
import { useEffect, useState } from 'preact/hooks'

export const appViews = ['overview', 'releases', 'logs', 'builds'] as const
export type AppView = (typeof appViews)[number]

export type View =
  | { readonly name: 'apps' | 'certs' | 'doctor' }
  | { readonly name: 'app'; readonly app: string; readonly view: AppView; readonly item: string | null }

/** In the part behind `#`, so that the server has one page. */
export function viewOf(hash: string): View {
  const [first = '', app = '', view = '', item = ''] = hash.replace(/^#\/?/, '').split('/').slice(0, 4).map(decoded)
  if (first === 'certs' || first === 'doctor') return { name: first }
  if (first !== 'apps' || app === '') return { name: 'apps' }
  const known = appViews.find((one) => one === view) ?? 'overview'
  return { name: 'app', app, view: known, item: item === '' ? null : item }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return ''
  }
}

export function addressOf(view: View): string {
  if (view.name !== 'app') return `#/${view.name}`
  return `#/apps/${[view.app, view.view, view.item]
    .filter((one) => one !== null)
    .map(encodeURIComponent)
    .join('/')}`
}

export function useView(): View {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setHash(location.hash)
    addEventListener('hashchange', changed)
    return () => removeEventListener('hashchange', changed)
  }, [])
  return viewOf(hash)
}
