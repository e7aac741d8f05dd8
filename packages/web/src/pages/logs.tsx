// What does an app say now?
import { getLogs } from '@deis/types'
import { mostLines, Output } from '../parts/output.tsx'
import type { AppGiven } from './app.tsx'

export function Logs({ context, app }: AppGiven) {
  return (
    <Output
      about={app}
      label={`Logs of ${app}`}
      empty="No lines yet. New ones appear here."
      again
      follow={(signal, text, isAgain) => {
        const query = { follow: '1', log_lines: isAgain ? String(mostLines) : '200' }
        return context.client.follow(getLogs, { params: { id: app }, query, signal }, text)
      }}
    />
  )
}
