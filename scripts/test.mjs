// How do all tests run from a fresh clone, and what is the result in one line?
//   node scripts/test.mjs [unit|e2e|long|attack|kube] [vitest arguments…]      without a name: unit and e2e
// `kube` needs KUBECONFIG, TEST_REGISTRY and TEST_NODE_IP of a cluster for tests.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildAll } from './build.mjs'
import { installAll } from './install.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const log = (text) => console.log(`deis: ${text}`)

/** Tests by name: what was not tested must be visible, and what failed be found at the end of a long run. */
const namesOf = (report, states) =>
  report.testResults.flatMap((file) =>
    file.assertionResults.filter((test) => states.includes(test.status)).map((test) => test.fullName),
  )

async function main(args) {
  installAll(log)
  await buildAll(log)
  const suites = ['unit', 'e2e', 'long', 'attack', 'kube'].includes(args[0]) ? [args.shift()] : ['unit', 'e2e']
  // What disturbs others on the cluster runs after them.
  if (suites.includes('kube')) suites.push('kube-alone')
  const folder = mkdtempSync(join(tmpdir(), 'deis-test-'))
  const file = join(folder, 'report.json')
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--config',
        'scripts/vitest.config.ts',
        ...suites.flatMap((suite) => ['--project', suite]),
        '--reporter=default',
        '--reporter=json',
        `--outputFile.json=${file}`,
        ...args,
      ],
      { cwd: root, stdio: 'inherit' },
    )
    const report = JSON.parse(readFileSync(file, 'utf8'))
    for (const name of namesOf(report, ['skipped', 'pending', 'todo'])) console.log(`skipped: ${name}`)
    for (const name of namesOf(report, ['failed'])) console.log(`failed: ${name}`)
    console.log(
      `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${report.numPendingTests + report.numTodoTests} skipped`,
    )
    return status ?? 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`deis: ${error.message}`)
  process.exitCode = 1
}
