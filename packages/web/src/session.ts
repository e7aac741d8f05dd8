// Who is signed in on this page, and until when?
export type Session = { readonly username: string; readonly token: string }

// Of this tab alone: it is gone when the tab is closed, and other sites and tabs never see it.
const key = 'deis-session'

export function storedSession(): Session | null {
  try {
    const { username, token } = JSON.parse(sessionStorage.getItem(key) ?? '{}') as Partial<Session>
    return typeof username === 'string' && typeof token === 'string' ? { username, token } : null
  } catch {
    return null
  }
}

export function storeSession(session: Session | null): void {
  if (session === null) sessionStorage.removeItem(key)
  else sessionStorage.setItem(key, JSON.stringify(session))
}
