// What is there on the cluster before all of its test files, and gone after them?
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kubectl, testCluster } from './cluster.ts'

/**
 * Stands in for a metrics server, which the cluster for tests does not have: it only shows that something is served under that
 * name, so that rules for autoscalers are taken. Returns what takes it away.
 */
async function standInForMetrics(): Promise<() => Promise<string>> {
  const name = 'podmetrics.metrics.k8s.io'
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, annotations: { 'api-approved.kubernetes.io': 'unapproved, a stand-in for tests' } },
    spec: {
      group: 'metrics.k8s.io',
      scope: 'Namespaced',
      names: { plural: 'podmetrics', kind: 'PodMetrics' },
      versions: [{ name: 'v1beta1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  }
  const folder = await mkdtemp(join(tmpdir(), 'deis-metrics-'))
  const file = join(folder, 'definition.json')
  await writeFile(file, JSON.stringify(definition))
  await kubectl('apply', '-f', file)
  await kubectl('wait', '--for=condition=established', `customresourcedefinition/${name}`, '--timeout=30s')
  await rm(folder, { recursive: true })
  return () => kubectl('delete', 'customresourcedefinition', name, '--ignore-not-found')
}

/** Seen by the whole cluster, so no test file makes or removes it while another one looks. */
export async function setup(): Promise<() => Promise<void>> {
  if (testCluster === null) return async () => {}
  const remove = await standInForMetrics()
  return async () => void (await remove())
}
