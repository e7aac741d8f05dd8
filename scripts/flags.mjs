// Which V8 flags does each program of the platform run with?

/**
 * With a young generation of one megabyte and one thread beside the main one the controller is as fast as without flags, takes
 * 30 MB less at rest, and 60 MB less after load. `--optimize-for-size` would cost a fifth of its speed and save nothing more.
 * The router, whose objects all die young, would be slower with a small young generation and no smaller at rest.
 */
export const flags = { controller: ['--max-semi-space-size=1', '--v8-pool-size=1'], router: [] }
