// Does a Node.js version satisfy `engines.node` of a package.json?

type Version = readonly [number, number, number]

const partial = String.raw`v?(\d+|[xX*])(?:\.(\d+|[xX*]))?(?:\.(\d+|[xX*]))?(?:[-+][\w.-]+)?`
const comparator = new RegExp(`^(\\^|~|>=|<=|>|<|=)?\\s*${partial}$`)

function compare(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

/** The first version of a range that is too new: `20` means below 21.0.0. */
function ceiling([major, minor, patch]: readonly (number | null)[], operator: string): Version {
  if (major === null || major === undefined) return [Infinity, 0, 0]
  if (minor === null || minor === undefined || (operator === '^' && major > 0)) return [major + 1, 0, 0]
  if (patch === null || patch === undefined || operator === '~') return [major, minor + 1, 0]
  if (operator === '^') return minor > 0 ? [0, minor + 1, 0] : [0, 0, patch + 1]
  return [major, minor, patch + 1]
}

function matches(text: string, version: Version): boolean | null {
  const found = comparator.exec(text)
  if (!found) return null
  const [, operator = '', ...rest] = found
  const parts = rest.map((part) => (part === undefined || /[xX*]/.test(part) ? null : Number(part)))
  const floor: Version = [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0]
  const top = ceiling(parts, operator)
  switch (operator) {
    case '>=':
      return compare(version, floor) >= 0
    case '<':
      return compare(version, floor) < 0
    case '>':
      return compare(version, top) >= 0
    case '<=':
      return compare(version, top) < 0
    default:
      return compare(version, floor) >= 0 && compare(version, top) < 0
  }
}

/** Null: the range is of a kind that is not understood here. */
export function satisfies(version: string, range: string): boolean | null {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, '').split('.').map(Number)
  const answers = range.split('||').map((alternative) => {
    const hyphen = /^\s*(\S+)\s+-\s+(\S+)\s*$/.exec(alternative)
    const text = hyphen ? `>=${hyphen[1]} <=${hyphen[2]}` : alternative
    const parts = text
      .replace(/([<>=~^])\s+/g, '$1')
      .split(/\s+/)
      .filter((part) => part !== '')
    const each = parts.map((part) => matches(part, [major, minor, patch]))
    return each.includes(null) ? null : !each.includes(false)
  })
  if (answers.includes(true)) return true
  return answers.includes(null) ? null : false
}
