// What of a phase's output is shown at once, and what only if it fails?
import type { Phase } from './plan.ts'

export type PhaseOutput = {
  /** Takes a line without its end. */
  line(line: string): void
  /** Shows what was kept back. */
  failed(): void
  /** The text of the last error that was printed; null: none. */
  readonly error: () => string | null
  /** The buildpacks that a `detect` chose, `id version` each. */
  readonly participants: () => readonly string[]
}

/** What is said before the first line of a phase; of the others, nothing. */
export const phaseTitles: Partial<Record<Phase, string>> = {
  detect: 'Detecting',
  build: 'Building',
  export: 'Exporting',
}

const isLayerLine = (line: string): boolean => /^(Restoring|Reusing|Adding) (data|layer|cache layer)\b/.test(line)
const longestKept = 200
const mostParticipants = 100

/** `detect` and `build` as they come, of the others the lines about layers; errors never say the same twice. */
export function createPhaseOutput(phase: Phase, show: (line: string) => void): PhaseOutput {
  const whole = phase === 'detect' || phase === 'build'
  const kept: string[] = []
  const participants: string[] = []
  let error: string | null = null
  return {
    line(line) {
      const said = /^ERROR: (.+)$/.exec(line)?.[1]
      if (said !== undefined) error = said.slice(0, 1000)
      const [, id, version] = /^([a-z0-9][\w.-]*\/[\w./-]+) +(\d[\w.+-]*)$/.exec(line) ?? []
      if (phase === 'detect' && id !== undefined && participants.length < mostParticipants)
        participants.push(`${id} ${version ?? ''}`)
      if (whole || isLayerLine(line)) show(line)
      else if (line.trim() !== '') {
        kept.push(line)
        if (kept.length > longestKept) kept.shift()
      }
    },
    failed() {
      for (const line of kept.splice(0)) show(line)
    },
    error: () => error,
    participants: () => participants,
  }
}
