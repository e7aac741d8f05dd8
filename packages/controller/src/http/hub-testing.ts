// How do controllers in one test notify each other and lock, without a database that does it?
import type { Held, Message, Peers } from '../store/peers.ts'

/** Controllers in one process that lock and notify as those on one database do. */
export function hub(): (instance: string) => Peers {
  const locks = new Map<string, string>()
  const listeners = new Map<string, ((message: Message | null) => void)[]>()
  return (instance) => {
    const mine: ((message: Message | null) => void)[] = []
    listeners.set(instance, mine)
    const tryLock = async (name: string): Promise<Held | null> => {
      if (locks.has(name)) return null
      locks.set(name, instance)
      return { signal: new AbortController().signal, release: async () => void locks.delete(name) }
    }
    return {
      instance,
      shared: true,
      tryLock,
      lock: async (name) => (await tryLock(name)) ?? Promise.reject(new Error(`${name} is locked`)),
      alive: async (other) => listeners.has(other),
      notify(message) {
        for (const [other, theirs] of listeners) if (other !== instance) theirs.forEach((listener) => listener(message))
      },
      onMessage: (listener) => void mine.push(listener),
      close: async () => {},
    }
  }
}
