// How is a measurement told: the ratio first, then what it is made of, then its goal?

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function shown(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1)
}

const within = (value, { most = Infinity, least = 0 }) => value <= most && value >= least

/** Whether a goal is missed by more than the runs differ among themselves: not one of them met it. */
export function isMissed(result) {
  if (result.missing) return false
  const { values, ours, floor } = result
  const each = values ?? ours.slice(0, floor.length).map((value, run) => value / floor[run])
  return !each.some((value) => within(value, result)) && !within(middleOf(result), result)
}

const middleOf = ({ values, ours, floor }) => (values ? median(values) : median(ours) / median(floor))

function goalOf(result) {
  const { most, least, values, unit } = result
  if (most === undefined && least === undefined) return ''
  const goal = `goal ${most === undefined ? `≥ ${least}` : `≤ ${most.toLocaleString('en-US')}`}${values ? ` ${unit}` : ''}`
  if (within(middleOf(result), result)) return goal
  return `${goal}   ${isMissed(result) ? 'missed' : 'missed by less than the runs differ'}`
}

const runsOf = (count) => `${count} run${count === 1 ? '' : 's'}`

/** `most` is the largest ratio allowed (times), `least` the smallest (rates). */
function ratioLine(result) {
  const { name, of, unit, ours, floor } = result
  const medians = `(${shown(median(ours))} ${unit} / ${shown(median(floor))} ${unit}, ${runsOf(Math.min(ours.length, floor.length))})`
  return `${name.padEnd(16)} ${`${middleOf(result).toFixed(2)} × ${of}`.padEnd(26)} ${medians.padEnd(42)} ${goalOf(result)}`
}

function valueLine(result) {
  const { name, of, unit, values } = result
  const runs = `(${runsOf(values.length)})`
  return `${name.padEnd(16)} ${`${shown(median(values))} ${unit} ${of}`.padEnd(26)} ${runs.padEnd(42)} ${goalOf(result)}`
}

function lineOf(result) {
  if (result.missing) return `${result.name.padEnd(16)} left out: ${result.missing}`
  return result.values ? valueLine(result) : ratioLine(result)
}

/** A line per result, followed by its details, indented. */
export function report(results) {
  return results.flatMap((result) => [lineOf(result).trimEnd(), ...(result.details ?? []).map((line) => `  ${line}`)])
}
