// How does a person sign in?
import { useState } from 'preact/hooks'
import { login } from '@deis/types'
import type { Client } from '../client.ts'
import { useAction } from '../load.ts'
import type { Session } from '../session.ts'
import { Failure } from '../parts/page-state.tsx'

type Given = {
  readonly client: Client
  readonly notice: string | null
  readonly enter: (session: Session) => void
}

export function SignIn({ client, notice, enter }: Given) {
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const { running, error, run } = useAction(async () => {
    const { token } = await client.call(login, { body: { username, password } })
    enter({ username: username.trim(), token })
  })
  return (
    <main class="sign-in">
      <h1>Deis</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          run()
        }}
      >
        <p class="faint">{notice ?? 'Sign in with the account of your command line.'}</p>
        <label>
          User name
          <input
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={username}
            onInput={({ currentTarget }) => setUsername(currentTarget.value)}
          />
        </label>
        <label>
          Password
          <input
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={({ currentTarget }) => setPassword(currentTarget.value)}
          />
        </label>
        <Failure text={error} />
        <button class="primary" type="submit" disabled={running}>
          {running ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
    </main>
  )
}
