// What does the cluster start for an app's web processes?
import { objects } from '../cluster.ts'
import type { Spoken } from './world.ts'

type Container = { resources: object; livenessProbe?: object; readinessProbe?: object }
type Template = { nodeSelector?: object; imagePullSecrets?: { name: string }[]; containers: Container[] }

export async function template({ app }: Spoken): Promise<Template> {
  type Deployment = { spec: { template: { spec: Template } } }
  return (await objects<Deployment>('deployment', `${app}-web`, `--namespace=${app}`)).spec.template.spec
}
