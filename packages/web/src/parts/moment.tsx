// How is a moment shown: how long ago it was, and the exact time for who asks?
import { ago } from '../text.ts'

export function Moment({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={time}>
      {ago(time)}
    </time>
  )
}
