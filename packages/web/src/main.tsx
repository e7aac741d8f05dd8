// Which page does a browser show: the sign-in, or the platform?
import { render } from 'preact'
import { useMemo, useState } from 'preact/hooks'
import { createClient } from './client.ts'
import { Platform } from './platform.tsx'
import { type Session, storedSession, storeSession } from './session.ts'
import { SignIn } from './pages/sign-in.tsx'
import './style.css'

function Page() {
  const [session, setSession] = useState<Session | null>(storedSession)
  const [notice, setNotice] = useState<string | null>(null)
  const enter = (entered: Session | null, why: string | null): void => {
    storeSession(entered)
    setNotice(why)
    setSession(entered)
  }
  const token = session?.token ?? null
  const client = useMemo(
    () => createClient(token, () => enter(null, 'You were signed out. Sign in again to go on.')),
    [token],
  )
  if (session === null) return <SignIn client={client} notice={notice} enter={(entered) => enter(entered, null)} />
  return <Platform client={client} username={session.username} leave={() => enter(null, null)} />
}

const page = document.getElementById('page')
if (page !== null) render(<Page />, page)
