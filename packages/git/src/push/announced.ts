// How much may a client send about refs and options before its pack? git holds all of it in memory.
import { Transform } from 'node:stream'
import { mostRefs, tooManyRefs } from './refs.ts'

// Overhead in git per packet.
const each = 100
// A little more than the limit reaches the hook, which counts the refs and reports it in the usual way.
const most = mostRefs * (400 + each)

const header = /^[0-9a-f]{4}$/i

/** Passes data on; fails with a message for the user when too much precedes the pack. */
export function announcements(): Transform {
  let size = 0
  /** The incomplete length of a packet. */
  let begun = ''
  /** Bytes of a packet that are still to come. */
  let left = 0
  let packed = false
  const count = (chunk: Buffer): void => {
    for (let at = 0; at < chunk.length && !packed;) {
      const next = Math.min(left > 0 ? left : 4 - begun.length, chunk.length - at)
      size += next
      if (left > 0) left -= next
      else begun += chunk.toString('latin1', at, at + next)
      at += next
      if (begun.length < 4) continue
      // Data outside of packets is the pack.
      size += each
      if (header.test(begun)) left = Math.max(0, Number.parseInt(begun, 16) - 4)
      else packed = true
      begun = ''
    }
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (!packed) count(chunk)
      if (size > most) done(new Error(tooManyRefs))
      else done(null, chunk)
    },
  })
}
