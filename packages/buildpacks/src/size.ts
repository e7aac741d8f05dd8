// How is a number of bytes formatted for people: 1.7M, as in `du -h`?

const units = ['B', 'K', 'M', 'G', 'T'] as const

/** Rounded up; one decimal below ten. */
export function humanSize(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const rounded = unit > 0 && value < 10 ? Math.ceil(value * 10) / 10 : Math.ceil(value)
  return `${unit > 0 && rounded < 10 ? rounded.toFixed(1) : rounded}${units[unit]}`
}
