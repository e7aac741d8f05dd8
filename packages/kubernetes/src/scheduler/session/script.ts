// How is a session's command started, and which requests does it wait for?

/** As the pod's own commands are started. `either`: the pod does not show it; a slug has its launcher. */
export type Launch = 'slug' | 'shell' | 'either'

/** What session-handshake.sh understands, one line each. */
export const requests = { ask: 'ask', go: 'go', no: 'no' } as const

/** The exit code of a command that was killed, perhaps for the memory it used. */
export const killedCode = 137
