// What is a formation in tests, where only what is tested is said?
import type { Artifact, Formation } from '../scheduler.ts'

/** An app with one `web` that takes requests, unless told otherwise. */
export function testFormation(
  app: string,
  release: number,
  artifact: Artifact,
  processes: Formation['processes'],
  more: Partial<Formation> = {},
): Formation {
  return {
    app,
    release,
    summary: `release ${release}`,
    artifact,
    env: {},
    processes,
    routable: 'web',
    port: 5000,
    batches: 0,
    historyLimit: null,
    pullPolicy: 'IfNotPresent',
    tags: {},
    registry: {},
    deployTimeoutSeconds: 20,
    ...more,
  }
}
