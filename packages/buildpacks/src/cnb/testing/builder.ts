// How do tests get a builder of Cloud Native Buildpacks: images with a stand-in lifecycle and small buildpacks, in a registry?
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { stringify } from 'smol-toml'
import type { LayerChange, Registry } from '@deis/ports/registry'
import brokenBuild from './buildpacks/broken-build.sh'
import brokenDetect from './buildpacks/broken-detect.sh'
import hungryBuild from './buildpacks/hungry-build.sh'
import hungryDetect from './buildpacks/hungry-detect.sh'
import nodeBuild from './buildpacks/node-build.sh'
import nodeDetect from './buildpacks/node-detect.sh'
import procfileBuild from './buildpacks/procfile-build.sh'
import procfileDetect from './buildpacks/procfile-detect.sh'
import slowBuild from './buildpacks/slow-build.sh'
import slowDetect from './buildpacks/slow-detect.sh'
import launcherScript from './launcher/launcher.sh'
import launcher from './launcher/main.ts?program'
import lifecycle from './lifecycle/main.ts?program'
import { type Entry, pack } from './lifecycle/tarball.ts'

export type TestBuilderOptions = {
  /** Has bash and node, and a user 1000; default: `stack:1` of the registry. */
  readonly base?: string
  /** A phase that fails: `analyzer`, `restorer`, `exporter` …; `restorer-with-layers`: unless it is told to skip them. */
  readonly fails?: string
  /** Default: 0.12 to 0.15. */
  readonly platformApis?: readonly string[]
  /** What the builder names as its run image; default: the one that is made. */
  readonly runImage?: string
  /** Another one makes another run image, with the same name. */
  readonly runVersion?: string
}

export type TestBuilderImages = { readonly builder: string; readonly run: string; readonly lifecycle: string }

const version = '0.0.1'
const user = 1000
const buildpacks: Readonly<Record<string, readonly [detect: string, build: string]>> = {
  'test/broken': [brokenDetect, brokenBuild],
  'test/slow': [slowDetect, slowBuild],
  'test/hungry': [hungryDetect, hungryBuild],
  'test/node': [nodeDetect, nodeBuild],
  'test/procfile': [procfileDetect, procfileBuild],
}
const sbomFormats = ['application/vnd.cyclonedx+json', 'application/spdx+json']
const phases = ['analyzer', 'detector', 'restorer', 'builder', 'exporter']

const root = { uid: 0, gid: 0 }
const own = { uid: user, gid: user }
const folder = (path: string, owner = root): Entry => ({ path, mode: 0o755, owner, content: 'folder' })
const file = (path: string, text: string, mode = 0o644): Entry => ({
  path,
  mode,
  owner: root,
  content: Buffer.from(text),
})

const lifecycleFiles: readonly Entry[] = [
  folder('cnb'),
  folder('cnb/lifecycle'),
  file('cnb/lifecycle/lifecycle', `#!/usr/bin/env node\n${lifecycle}`, 0o755),
  file('cnb/lifecycle/launcher', launcherScript, 0o755),
  file('cnb/lifecycle/launcher.cjs', launcher),
  ...phases.map((phase): Entry => ({
    path: `cnb/lifecycle/${phase}`,
    mode: 0o777,
    owner: root,
    content: { link: 'lifecycle' },
  })),
]

const group = Object.keys(buildpacks).map((id) => ({ id, version, optional: true }))

function builderFiles(runImage: string): readonly Entry[] {
  return [
    ...lifecycleFiles,
    folder('workspace', own),
    folder('layers', own),
    folder('platform'),
    folder('platform/env'),
    folder('cnb/buildpacks'),
    file('cnb/order.toml', stringify({ order: [{ group }] })),
    file('cnb/run.toml', stringify({ images: [{ image: runImage }] })),
    ...Object.entries(buildpacks).flatMap(([id, [detect, build]]) => {
      const path = `cnb/buildpacks/${id.replace('/', '_')}`
      return [
        folder(path),
        folder(`${path}/${version}`),
        folder(`${path}/${version}/bin`),
        file(
          `${path}/${version}/buildpack.toml`,
          stringify({ api: '0.10', buildpack: { id, version, 'sbom-formats': sbomFormats } }),
        ),
        file(`${path}/${version}/bin/detect`, detect, 0o755),
        file(`${path}/${version}/bin/build`, build, 0o755),
      ]
    }),
  ]
}

function labelsOf(runImage: string, platform: readonly string[]): Record<string, string> {
  const apis = { buildpack: { deprecated: [], supported: ['0.10'] }, platform: { deprecated: [], supported: platform } }
  return {
    'io.buildpacks.builder.metadata': JSON.stringify({
      description: 'a test double of a builder',
      buildpacks: Object.keys(buildpacks).map((id) => ({ id, version })),
      stack: { runImage: { image: runImage, mirrors: null } },
      images: [{ image: runImage, mirrors: null }],
      lifecycle: { version: '0.0.0-test', api: { buildpack: '0.10', platform: '0.12' }, apis },
      createdBy: { name: 'tests', version: '0' },
    }),
    'io.buildpacks.buildpack.order': JSON.stringify([{ group }]),
    'io.buildpacks.lifecycle.apis': JSON.stringify(apis),
  }
}

/**
 * Images in `host/deis-test/…`, named after what they are made of: the same ones are the same, whoever makes them.
 */
export async function publishTestBuilder(
  registry: Registry,
  host: string,
  options: TestBuilderOptions = {},
): Promise<TestBuilderImages> {
  const { base = `${host}/stack:1`, fails, platformApis = ['0.12', '0.13', '0.14', '0.15'], runVersion = '1' } = options
  const signal = AbortSignal.timeout(120_000)
  const publish = async (kind: string, tar: Buffer, more: Partial<LayerChange>): Promise<string> => {
    const hash = createHash('sha256')
      .update(tar)
      .update(JSON.stringify([base, more]))
      .digest('hex')
      .slice(0, 12)
    const target = `${host}/deis-test/cnb-${kind}-${hash}`
    await registry.appendLayer(
      {
        base,
        target,
        tag: '1',
        layer: Readable.from([tar]),
        entrypoint: [],
        cmd: [],
        workingDir: '/',
        user: String(user),
        env: {},
        labels: {},
        exposed: [],
        ...more,
      },
      signal,
    )
    return `${target}:1`
  }
  const run = await publish('run', pack([folder('etc'), file('etc/test-run-image', runVersion)]), {
    labels: { 'io.buildpacks.base.distro.name': 'test', 'io.buildpacks.rebasable': 'true' },
  })
  const runImage = options.runImage ?? run
  const platform = pack(lifecycleFiles)
  return {
    run,
    lifecycle: await publish('lifecycle', platform, {}),
    builder: await publish('builder', pack(builderFiles(runImage)), {
      user: `${user}:${user}`,
      env: {
        CNB_USER_ID: String(user),
        CNB_GROUP_ID: String(user),
        ...(fails === undefined ? {} : { TEST_FAIL_PHASE: fails }),
      },
      labels: labelsOf(runImage, platformApis),
    }),
  }
}
