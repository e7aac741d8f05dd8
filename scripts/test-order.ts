// Which test files of a cluster begin first, so that the longest one does not run alone at the end?
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Longest first; the size of a file says nothing about that. Files that are not here begin afterwards. */
const longest = [
  'conformance.kube.test.ts',
  'cli-conformance.kube.test.ts',
  'scheduler.kube.test.ts',
  'cluster.kube.test.ts',
  'cluster-failures.kube.test.ts',
]

function rank({ moduleId }: TestSpecification): number {
  const found = longest.indexOf(moduleId.replace(/^.*\//, ''))
  return found === -1 ? longest.length : found
}

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- this is not an array's
    const sorted = await super.sort(files)
    const isKube = ({ project }: TestSpecification): boolean => project.name === 'kube'
    const kube = sorted.filter(isKube).toSorted((one, other) => rank(one) - rank(other))
    // Projects stay where they were: only the files of this one are sorted.
    return sorted.map((file) => (isKube(file) ? (kube.shift() ?? file) : file))
  }
}
