// What is a build, and how are builds listed, shown and cancelled (docs/contract/api.md §2.6)?
import { type Static, Type } from 'typebox'
import { AppParams, Page, PageQuery, route, Time, Word } from './route.ts'

/** `status`, `source`, `cnb` and `release` are ours: failed builds are kept too. */
export const buildStates = ['running', 'succeeded', 'failed', 'canceled', 'abandoned'] as const

/** What Cloud Native Buildpacks made an image of. */
const CnbBuild = Type.Object({
  builder: Type.String(),
  run_image: Type.String(),
  /** Which image that was, by digest. */
  run_reference: Type.String(),
  buildpacks: Type.Array(Type.Object({ id: Type.String(), version: Type.String() })),
})

/** The first release of a build. */
const BuildRelease = Type.Object({
  version: Type.Integer(),
  /** pending (it is being deployed), deployed, failed. */
  state: Type.String(),
  /** Why it failed, with the last lines of the app; only where one build is shown. */
  exception: Type.Optional(Type.String()),
})

export const Build = Type.Object({
  uuid: Type.String(),
  owner: Type.String(),
  app: Type.String(),
  /** A slug digest, or an image reference. */
  image: Type.String(),
  sha: Type.String(),
  procfile: Type.Record(Type.String(), Type.String()),
  dockerfile: Type.String(),
  status: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
  /** Only of such a build. */
  cnb: Type.Optional(CnbBuild),
  /** Absent while there is none. */
  release: Type.Optional(BuildRelease),
  created: Time,
  updated: Time,
})
export type Build = Static<typeof Build>

/** What became of a build, in one or two words: one that succeeded may not have been deployed. */
export function buildOutcome({ status = 'succeeded', release }: Build): string {
  if (status !== 'succeeded') return status
  if (release?.state === 'failed') return 'deploy failed'
  return release?.state === 'pending' ? 'deploying' : status
}

const BuildParams = Type.Object({ id: Word, uuid: Word })

export const listBuilds = route({
  method: 'GET',
  path: '/v2/apps/:id/builds/',
  access: 'app',
  summary: 'List builds, newest first; only successful ones unless `all` is set.',
  params: AppParams,
  query: Type.Object({ ...PageQuery.properties, all: Type.Optional(Word) }),
  status: 200,
  response: Page(Build),
})

/** A Procfile and a Dockerfile of the largest size that a push may have, in JSON. */
export const buildBodyBytes = 512 * 1024

export const createBuild = route({
  method: 'POST',
  path: '/v2/apps/:id/builds/',
  access: 'app',
  recorded: true,
  summary: 'Deploy an existing image; answers when the release is running.',
  params: AppParams,
  body: Type.Object({
    image: Type.String({ minLength: 1, maxLength: 1_000 }),
    procfile: Type.Optional(Type.Unsafe<Record<string, string> | null>({})),
    sha: Type.Optional(Type.String({ maxLength: 40 })),
    dockerfile: Type.Optional(Type.String({ maxLength: buildBodyBytes / 2 })),
  }),
  bodyBytes: buildBodyBytes,
  status: 201,
  response: Build,
})

export const getBuild = route({
  method: 'GET',
  path: '/v2/apps/:id/builds/:uuid/',
  access: 'app',
  summary: 'Show a build.',
  params: BuildParams,
  status: 200,
  response: Build,
})

export const getBuildLog = route({
  method: 'GET',
  path: '/v2/apps/:id/builds/:uuid/logs/',
  access: 'app',
  summary: 'Show the output of a build as text; with `follow=1` it continues until the build ends.',
  params: BuildParams,
  query: Type.Object({ follow: Type.Optional(Word) }),
  status: 200,
  response: Type.String(),
})

/** Ours. 409 if the build is no longer running: a release is rolled back, not cancelled. */
export const cancelBuild = route({
  method: 'POST',
  path: '/v2/apps/:id/builds/:uuid/cancel/',
  access: 'app',
  recorded: true,
  summary: 'Cancel a running build; answers when it has ended.',
  params: BuildParams,
  status: 200,
  response: Build,
})

/** Ours. 422 if Cloud Native Buildpacks did not build what runs; 409 if it cannot run on that image. */
export const rebaseApp = route({
  method: 'POST',
  path: '/v2/apps/:id/rebase/',
  access: 'app',
  recorded: true,
  summary:
    'Put the newest run image under the app’s own layers, without a build; answers when the release is running. Nothing is changed if it is there already.',
  params: AppParams,
  body: Type.Object({
    run_image: Type.Optional(Type.Union([Type.String({ minLength: 1, maxLength: 300 }), Type.Null()])),
  }),
  status: 200,
  response: Type.Object({
    /** False: it runs on that image already. */
    rebased: Type.Boolean(),
    /** Of the release that runs. */
    version: Type.Integer(),
    build: Type.String(),
    run_image: Type.String(),
    run_reference: Type.String(),
  }),
})

export const sbomFormats = ['cyclonedx', 'spdx', 'syft'] as const
export type SbomFormat = (typeof sbomFormats)[number]

/** Ours. What buildpacks list as the parts of an image, a document for each of them and for each of their layers. */
export const getSbom = route({
  method: 'GET',
  path: '/v2/apps/:id/builds/:uuid/sbom/',
  access: 'app',
  summary: 'Show the software bill of materials of an image that Cloud Native Buildpacks made.',
  params: BuildParams,
  /** `format`: one of `sbomFormats`, by default the first. */
  query: Type.Object({ format: Type.Optional(Word) }),
  status: 200,
  response: Type.Object({
    format: Type.String(),
    documents: Type.Array(
      Type.Object({
        buildpack: Type.String(),
        /** Null: about everything that the buildpack made. */
        layer: Type.Union([Type.String(), Type.Null()]),
        /** JSON. */
        text: Type.String(),
      }),
    ),
  }),
})
