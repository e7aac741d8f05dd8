// What does the domain tell about its work to those who watch the platform? Numbers only; metrics.ts shows them.

export type Measures = {
  deploy(result: 'deployed' | 'failed', seconds: number): void
  build(result: 'succeeded' | 'failed' | 'canceled', seconds: number): void
  /** The backend itself failed, not what it was to run. */
  schedulerFailed(): void
  /** What became of lines on their way to drains; those that wait are in neither. */
  drained(result: 'sent' | 'lost', lines: number): void
  /** `route` as the contract writes its path; never what a client sent. */
  request(of: { readonly route: string; readonly method: string; readonly status: number }, seconds: number): void
}

/** Nobody watches. */
export const noMeasures: Measures = {
  deploy: () => {},
  build: () => {},
  schedulerFailed: () => {},
  drained: () => {},
  request: () => {},
}
