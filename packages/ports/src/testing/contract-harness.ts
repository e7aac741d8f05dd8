// What does a backend provide so that the scheduler contract can test it?
import type { Artifact, ObservedPod, Scheduler } from '../scheduler.ts'

export type Answer = { readonly pod: string; readonly greeting: string | null }

/** One backend, opened for the suite. */
export type Harness = {
  /** The scheduler as it is now: another one after `reopen`. */
  scheduler(): Scheduler
  /** An artifact with `contractFiles` in it, or a substitute. */
  readonly artifact: Artifact
  /** Prefix of the names of the suite's apps, on a backend that others use at the same time. */
  readonly prefix?: string
  /** What this backend cannot do in sessions. */
  readonly sessions?: {
    /** It has no shell, only the commands of memory-sessions.ts. */
    readonly simulated?: true
    /** The input of `exec` cannot be ended. */
    readonly noInputEndInExec?: true
  }
  /**
   * Types are deployed one beside the other, and those that were done are gone back with when another fails: their pods are of the
   * former release again, but new.
   */
  readonly goesBack?: true
  /** How many times longer than on an idle machine things may take. */
  readonly patience?: number
  readonly commands: {
    /** Listens on PORT and answers with its pod and greeting. */
    readonly serve: string
    /** Prints `boom` and exits with 1 at once. */
    readonly crash: string
    /** Runs, but never listens. */
    readonly neverReady: string
    /** Prints the text and runs on. */
    print(text: string): string
    /** As a one-off: prints the text and exits with 0. */
    echo(text: string): string
    exit(code: number): string
    printenv(name: string): string
    /** Runs until it is stopped. */
    readonly sleep: string
  }
  /** Sends one request to the app, like the router. Rejects if there is no answer. */
  ask(app: string): Promise<Answer>
  /** Makes a pod that is up crash. */
  crash(pod: ObservedPod): Promise<void>
  /** Opens the backend again, as after a kill -9 of the controller. */
  reopen(): Promise<void>
  /** Ends these pods while nobody watches, and opens the backend again, as a reboot of the machine does. */
  reboot(pods: readonly ObservedPod[]): Promise<void>
  close(): Promise<void>
}

/** The files in the artifact of a backend that really runs commands; needs `node` on its PATH. */
export const contractFiles: Readonly<Record<string, string>> = {
  'server.mjs': `import { createServer } from 'node:http'
createServer((request, response) => {
  if (request.url === '/crash') process.exit(1)
  response.end(JSON.stringify({ pod: process.env.DEIS_POD ?? process.env.HOSTNAME, greeting: process.env.GREETING ?? null }))
}).listen(process.env.PORT)
`,
}

/** Commands for backends that run them in a shell, with `contractFiles` in the working directory. */
export const shellCommands: Harness['commands'] = {
  serve: 'node server.mjs',
  crash: 'echo boom; exit 1',
  neverReady: 'sleep 600',
  print: (text) => `echo ${text}; sleep 600`,
  echo: (text) => `echo ${text}`,
  exit: (code) => `exit ${code}`,
  printenv: (name) => `printenv ${name}`,
  sleep: 'sleep 600',
}
