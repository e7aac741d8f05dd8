// Which tests belong to which project, and how long one may take?
import { defineConfig } from 'vitest/config'
import { embedProgramsInTests } from './programs.mjs'
import { LongestFirst } from './test-order.ts'

/** Minutes of their own: all of the contract, real toolchains, floods and bombs, and many kills, pushes and changes at once. */
const long = 'packages/*/src/**/*.long.test.ts'

/** They take the cluster's API server away, load all of the machine, or wait for silence: one after the other, at the end. */
const alone = ['budget', 'cluster-durability', 'install'].map((name) => `packages/e2e/src/${name}.kube.test.ts`)

/** What needs a cluster or an engine is in projects of its own. */
const onBackends = ['**/*.kube.test.ts', '**/*.docker.test.ts']

/** Many of these wait for processes and timers: with two at a time a machine of two cores is idle for a third of the time. */
const quick = { maxWorkers: 3 }

const cluster = { testTimeout: 180_000, hookTimeout: 180_000 }

export default defineConfig({
  plugins: [embedProgramsInTests],
  test: {
    maxWorkers: 2,
    root: new URL('..', import.meta.url).pathname,
    globalSetup: new URL('../packages/e2e/src/run-setup.ts', import.meta.url).pathname,
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          ...quick,
          include: ['packages/!(e2e)/src/**/*.test.ts'],
          exclude: [...onBackends, long],
          isolate: false,
          // Builds with npm take seconds, and on a machine that runs other tests beside them many.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          ...quick,
          include: ['packages/e2e/src/**/*.test.ts'],
          exclude: [...onBackends, 'packages/e2e/src/attack/**', long],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'long',
          include: [long],
          exclude: onBackends,
          // Projects that run at once must agree in the number of workers: beside `unit` these come afterwards.
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // What users of apps would do to the platform and to each other; much of it needs root.
          name: 'attack',
          include: ['packages/e2e/src/attack/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          // Needs a cluster: KUBECONFIG, TEST_REGISTRY and TEST_NODE_IP.
          name: 'kube',
          include: ['packages/*/src/**/*.kube.test.ts'],
          exclude: alone,
          globalSetup: new URL('../packages/e2e/src/cluster-setup.ts', import.meta.url).pathname,
          ...cluster,
        },
      },
      {
        extends: true,
        test: {
          name: 'kube-alone',
          include: alone,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
          ...cluster,
        },
      },
      {
        extends: true,
        test: {
          // Needs an engine: TEST_DOCKER_HOST and TEST_DOCKER_REGISTRY.
          name: 'docker',
          include: ['packages/*/src/**/*.docker.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
