// What do users read of a build by BuildKit while it runs, and of the step that fails?
import { createSplitter, type Splitter } from '@deis/lib/split'
import type { Trace, Vertex } from './trace.ts'

/** The step that made a build fail. */
export type FailedStep = {
  readonly name: string
  readonly error: string
  /** Null: it is not about a command. */
  readonly code: number | null
  /** What it printed last. */
  readonly lines: readonly string[]
}

type Step = {
  /** In the order in which they begin, as Docker's own command line has it. */
  readonly number: number
  vertex: Vertex
  readonly splitter: Splitter
  readonly last: string[]
  isOver: boolean
}

const maxLine = 16 * 1024
const mostSteps = 5000
const lastLines = 15
const longestLast = 500

/** BuildKit's own work; copying the source to itself is such in older engines. */
const isInternal = ({ name }: Vertex): boolean => name.startsWith('[internal]') || name === 'copy /context /'
const isCancelled = ({ error }: Vertex): boolean => /context cancell?ed/.test(error)
const seconds = (from: number | null, to: number | null): string => Math.max(0, (to ?? 0) - (from ?? 0)).toFixed(1)

export const exitCodeIn = (error: string): number | null => {
  const [, code] = /exit code: (\d{1,3})\b/.exec(error) ?? []
  return code === undefined ? null : Number(code)
}

/** Takes messages one after the other, and calls `print` with lines. */
export function createShow(print: (line: string) => void): {
  take(trace: Trace): void
  /** What is left of incomplete lines. */
  end(): void
  failed(): FailedStep | null
  warnings(): readonly string[]
} {
  const steps = new Map<string, Step>()
  const warnings = new Set<string>()
  let failed: Step | null = null
  const begun = (vertex: Vertex): Step | null => {
    const found = steps.get(vertex.digest)
    if (found || steps.size >= mostSteps) return found ?? null
    const step = { number: steps.size + 1, vertex, splitter: createSplitter(maxLine), last: [], isOver: false }
    steps.set(vertex.digest, step)
    print(`#${step.number} ${vertex.name}`)
    return step
  }
  const line = (step: Step, text: string): void => {
    step.last.push(text.slice(0, longestLast))
    if (step.last.length > lastLines) step.last.shift()
    print(`#${step.number} ${text}`)
  }
  const change = (vertex: Vertex): void => {
    const isFailed = vertex.error !== '' && !isCancelled(vertex)
    if (vertex.started === null || (isInternal(vertex) && !isFailed)) return
    const step = begun(vertex)
    if (!step || step.isOver) return
    step.vertex = vertex
    if (vertex.completed === null && !isFailed && !vertex.cached) return
    step.isOver = vertex.completed !== null || isFailed
    if (!step.isOver) return
    for (const rest of step.splitter.flush()) line(step, rest)
    if (isFailed) {
      failed ??= step
      print(`#${step.number} ERROR: ${vertex.error}`)
    } else if (vertex.error !== '') print(`#${step.number} CANCELED`)
    else print(`#${step.number} ${vertex.cached ? 'CACHED' : `DONE ${seconds(vertex.started, vertex.completed)}s`}`)
  }
  return {
    take(trace) {
      // What a step printed at last comes with its end.
      for (const vertex of trace.vertexes) if (vertex.completed === null) change(vertex)
      for (const { vertex, bytes } of trace.logs) {
        const step = steps.get(vertex)
        if (step) for (const text of step.splitter.push(Buffer.from(bytes))) line(step, text)
      }
      for (const vertex of trace.vertexes) change(vertex)
      for (const text of trace.warnings) if (warnings.size < lastLines) warnings.add(text)
    },
    end() {
      for (const step of steps.values()) for (const rest of step.splitter.flush()) line(step, rest)
    },
    failed: () =>
      failed && {
        name: failed.vertex.name,
        error: failed.vertex.error,
        code: exitCodeIn(failed.vertex.error),
        lines: failed.last,
      },
    warnings: () => [...warnings],
  }
}
