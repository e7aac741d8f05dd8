// Which steps does a push have, and how long does each take?
import { median } from './report.mjs'

/** What begins with the line, in the order of a push; a line that does not come leaves its step to the one before. */
const steps = [
  ['ssh, receive', null],
  ['unpack, detect', /Starting build/],
  ['Node.js version', /-----> .*(app detected|Node\.js)/i],
  ['npm ci', /Installing dependencies/],
  ['pack', /added \d+ package|up to date|Discovering process types/],
  ['release, unpack, start, ready, routed', /Build complete/],
  ['end of the push', /deployed to Workflow/],
  ['until it answers', /^git push ended/],
]

/** The time of each step, from when the lines came. */
export function breakdown(from, lines, to) {
  const marks = [{ name: steps[0][0], at: from }]
  let next = 1
  for (const { at, text } of lines) {
    const found = steps.findIndex(([, begins], index) => index >= next && begins.test(text))
    if (found < 0) continue
    marks.push({ name: steps[found][0], at })
    next = found + 1
  }
  return marks.map(({ name, at }, index) => ({ name, ms: (marks[index + 1]?.at ?? to) - at }))
}

/** The medians of the steps, in one line. */
export function stepsLine(results) {
  const names = [...new Set(results.flatMap(({ steps }) => steps.map(({ name }) => name)))]
  const of = (name) => results.flatMap(({ steps }) => steps.filter((step) => step.name === name).map(({ ms }) => ms))
  return names.map((name) => `${name} ${Math.round(median(of(name)))}`).join(' · ')
}
