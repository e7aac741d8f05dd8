// Does a controller wait for the answers of others to its own change, and is nothing older published after something newer?
import { expect, test } from 'vitest'
import { createAcmeHere } from './here.ts'

const long = 60_000

test('all have to answer to this change', async () => {
  const here = createAcmeHere()
  const waiting = here.expectPeers('second', ['a', 'b'], long)
  // Late answers to the change before.
  here.peerAnswered('first', 'a')
  here.peerAnswered('first', 'b')
  here.peerAnswered('second', 'a')
  waiting.cancel()
  expect(await waiting.done).toEqual({ answered: 1, missing: 1 })
})

test('several changes are waited for at once', async () => {
  const here = createAcmeHere()
  const [one, two] = ['one', 'two'].map((change) => here.expectPeers(change, ['a'], long))
  here.peerAnswered('two', 'a')
  expect(await two!.done).toEqual({ answered: 1, missing: 0 })
  here.peerAnswered('one', 'a')
  expect(await one!.done).toEqual({ answered: 1, missing: 0 })
})

test('without others, or at the limit, nothing is waited for', async () => {
  const here = createAcmeHere()
  expect(await here.expectPeers('x', [], long).done).toEqual({ answered: 0, missing: 0 })
  expect(await here.expectPeers('y', ['a'], 1).done).toEqual({ answered: 0, missing: 1 })
})

test('what was read before is not published after what was read later', () => {
  const here = createAcmeHere()
  const [first, second, third] = [here.reads(), here.reads(), here.reads()]
  expect(second()).toBe(true)
  expect(first()).toBe(false)
  expect(third()).toBe(true)
})
