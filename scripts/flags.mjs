// Which V8 flags does each program of the platform run with?

/**
 * A young generation of one megabyte costs the controller no speed that can be measured, and saves 20 MB at rest and 60 MB
 * after load. `--optimize-for-size` would cost a third of its speed and save nothing more. The router, whose objects all die
 * young, would get slower by either and be no smaller at rest.
 */
export const flags = { controller: ['--max-semi-space-size=1'], router: [] }
