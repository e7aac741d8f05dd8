// Where is each number of the last hour in a small plot?

/** Heights of bars from 0 to `height`; the highest number fills it. A number above zero is always seen. */
export function heights(numbers: readonly number[], height: number): number[] {
  const most = Math.max(...numbers, 0)
  return numbers.map((value) => (most === 0 || value === 0 ? 0 : Math.max(1, Math.round((value / most) * height))))
}

/** A round number at or above this one, for the scale: 1, 2 or 5 and zeros. */
export function roundUp(value: number): number {
  if (value <= 0) return 1
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map((one) => one * unit).find((one) => one >= value * (1 - 1e-9)) ?? value
}

/** The path of a line through these numbers; it is interrupted where there is none. */
export function linePath(
  numbers: readonly (number | null)[],
  { width, height, most }: { readonly width: number; readonly height: number; readonly most: number },
): string {
  const step = width / Math.max(1, numbers.length)
  let pen = 'M'
  const parts: string[] = []
  for (const [index, value] of numbers.entries()) {
    if (value === null) {
      pen = 'M'
      continue
    }
    const x = (index + 0.5) * step
    const y = height - (Math.min(value, most) / most) * height
    // A single point is a short line.
    parts.push(`${pen}${x.toFixed(1)} ${y.toFixed(1)}${pen === 'M' ? 'h0.1' : ''}`)
    pen = 'L'
  }
  return parts.join('')
}

/** `1,234`, `0.4 s`, `12 ms` */
export const count = (value: number): string => value.toLocaleString('en')
export const duration = (ms: number): string => (ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`)
