// How much may a client say of refs and options before its pack begins? git holds all of it in memory, however much it is.
import { Transform } from 'node:stream'
import { mostRefs, tooManyRefs } from './refs.ts'

// What git keeps of each, whatever it says.
const each = 100
// A little over the most that may come gets to the hook, which counts and says so in git's own way.
const most = mostRefs * (400 + each)

const header = /^[0-9a-f]{4}$/i

/** Hands on what comes; fails with a message for the person who pushes when too much comes in front of the pack. */
export function announcements(): Transform {
  let said = 0
  /** Of a packet whose length has not come whole. */
  let begun = ''
  /** Still to come of a packet. */
  let left = 0
  let packed = false
  const count = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length && !packed;) {
      const next = Math.min(left > 0 ? left : 4 - begun.length, chunk.length - at)
      said += next
      if (left > 0) left -= next
      else begun += chunk.toString('latin1', at, at + next)
      at += next
      if (begun.length < 4) continue
      // What is in no packet is the pack.
      said += each
      if (header.test(begun)) left = Math.max(0, Number.parseInt(begun, 16) - 4)
      else packed = true
      begun = ''
    }
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!packed) count(chunk)
      if (said > most) done(new Error(tooManyRefs))
      else done(null, chunk)
    },
  })
}
