// Which lines of a followed text does the page show, over all connections that it took?
import { createResume } from '@deis/lib/resume'
import { type Lines, noLines, withText } from './text.ts'

export type Followed = {
  /** Before each connection. `isAgain`: it begins with lines that were shown, as many as there may be. */
  begin(isAgain: boolean): Lines
  take(part: string): Lines
}

/** `most`: older lines are dropped. */
export function createFollowed(most: number): Followed {
  const resume = createResume(most)
  let shown = noLines
  return {
    begin(isAgain) {
      if (isAgain) resume.again()
      // A line that was broken off is read again.
      shown = { ...shown, rest: '' }
      return shown
    },
    take(part) {
      shown = withText(shown, part, most, resume.isNew)
      return shown
    },
  }
}
