// How is a measurement told: the ratio first, then what it is made of, then its budget?

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

function shown(value) {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1)
}

function verdict(good) {
  return good ? '' : '   over budget'
}

/** `most` is the largest ratio allowed (times), `least` the smallest (rates). */
function ratioLine({ name, of, unit, ours, floor, most, least }) {
  const [top, bottom] = [median(ours), median(floor)]
  const ratio = top / bottom
  const runs = `${Math.min(ours.length, floor.length)} runs`
  const budget = most === undefined ? (least === undefined ? '' : `budget ≥ ${least}`) : `budget ≤ ${most}`
  const good = (most === undefined || ratio <= most) && (least === undefined || ratio >= least)
  const medians = `(${shown(top)} ${unit} / ${shown(bottom)} ${unit}, ${runs})`
  return `${name.padEnd(16)} ${`${ratio.toFixed(2)} × ${of}`.padEnd(26)} ${medians.padEnd(42)} ${budget}${verdict(good)}`
}

function valueLine({ name, of, unit, values, most }) {
  const value = median(values)
  const budget = most === undefined ? '' : `budget ≤ ${most} ${unit}${verdict(value <= most)}`
  const runs = `(${values.length} run${values.length === 1 ? '' : 's'})`
  return `${name.padEnd(16)} ${`${shown(value)} ${unit} ${of}`.padEnd(26)} ${runs.padEnd(42)} ${budget}`
}

function lineOf(result) {
  if (result.missing) return `${result.name.padEnd(16)} left out: ${result.missing}`
  return result.values ? valueLine(result) : ratioLine(result)
}

/** A line per result, followed by its details, indented. */
export function report(results) {
  return results.flatMap((result) => [lineOf(result).trimEnd(), ...(result.details ?? []).map((line) => `  ${line}`)])
}
