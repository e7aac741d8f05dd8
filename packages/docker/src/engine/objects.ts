// What do the engine's answers look like, as far as they are read? Everything else, and much of this, may be missing.
import { type Static, Type } from 'typebox'
import { Check } from 'typebox/value'

const Optional = Type.Optional
const Labels = Optional(Type.Union([Type.Record(Type.String(), Type.String()), Type.Null()]))

export const Version = Type.Object({
  Version: Type.String(),
  ApiVersion: Type.String(),
  MinAPIVersion: Optional(Type.String()),
  Components: Optional(Type.Array(Type.Object({ Name: Type.String() }))),
})

const InfoShape = Type.Object({
  OperatingSystem: Type.String(),
  SecurityOptions: Type.Array(Type.String()),
  InitBinary: Type.String(),
  NCPU: Type.Number(),
  MemTotal: Type.Number(),
  MemoryLimit: Type.Boolean(),
  SwapLimit: Type.Boolean(),
  CpuCfsQuota: Type.Boolean(),
  PidsLimit: Type.Boolean(),
  Driver: Type.String(),
  DockerRootDir: Type.String(),
  LiveRestoreEnabled: Type.Boolean(),
  Architecture: Type.String(),
})
export type Info = Static<typeof InfoShape>

const noInfo: Info = {
  OperatingSystem: '',
  SecurityOptions: [],
  InitBinary: '',
  NCPU: 0,
  MemTotal: 0,
  MemoryLimit: false,
  SwapLimit: false,
  CpuCfsQuota: false,
  PidsLimit: false,
  Driver: '',
  DockerRootDir: '',
  LiveRestoreEnabled: false,
  Architecture: '',
}

/** What is missing or of another kind is as if the engine could not do it. */
export function infoOf(answer: unknown): Info {
  const given = typeof answer === 'object' && answer !== null ? (answer as Record<string, unknown>) : {}
  const { properties } = InfoShape
  const known = Object.entries(properties).flatMap(([name, schema]) =>
    Check(schema, given[name]) ? [[name, given[name]] as const] : [],
  )
  return { ...noInfo, ...Object.fromEntries(known) }
}

export const Created = Type.Object({
  Id: Type.String({ pattern: '^[0-9a-f]{12,64}$' }),
  Warnings: Optional(Type.Union([Type.Array(Type.String()), Type.Null()])),
})

const Listed = Type.Object({ Id: Type.String(), Names: Type.Array(Type.String()), State: Type.String(), Labels })
export const ContainerList = Type.Array(Listed)
export type Listed = Static<typeof Listed>

export const Container = Type.Object({
  Id: Type.String(),
  State: Type.Object({
    Status: Type.String(),
    Running: Type.Boolean(),
    ExitCode: Type.Number(),
    OOMKilled: Type.Boolean(),
    Error: Optional(Type.String()),
    StartedAt: Type.String(),
  }),
  Config: Type.Object({ Labels }),
  NetworkSettings: Type.Object({
    Networks: Optional(
      Type.Union([Type.Record(Type.String(), Type.Object({ IPAddress: Optional(Type.String()) })), Type.Null()]),
    ),
    Ports: Optional(
      Type.Union([
        Type.Record(
          Type.String(),
          Type.Union([Type.Array(Type.Object({ HostIp: Type.String(), HostPort: Type.String() })), Type.Null()]),
        ),
        Type.Null(),
      ]),
    ),
  }),
})
export type Container = Static<typeof Container>

const Network = Type.Object({
  Id: Type.String(),
  Name: Type.String(),
  Labels,
  IPAM: Optional(
    Type.Object({
      Config: Optional(Type.Union([Type.Array(Type.Object({ Subnet: Optional(Type.String()) })), Type.Null()])),
    }),
  ),
})
export const NetworkList = Type.Array(Network)
export type Network = Static<typeof Network>

export const NetworkMembers = Type.Object({
  Containers: Optional(Type.Union([Type.Record(Type.String(), Type.Object({ Name: Type.String() })), Type.Null()])),
})

export const Image = Type.Object({ Id: Type.String() })

export const Waited = Type.Object({ StatusCode: Type.Number() })

const Ports = Optional(Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]))
const Words = Optional(Type.Union([Type.Array(Type.String()), Type.Null()]))

export const BuiltImage = Type.Object({
  Id: Type.String({ pattern: '^sha256:[0-9a-f]{64}$' }),
  RepoDigests: Words,
  Config: Optional(
    Type.Union([
      Type.Object({
        ExposedPorts: Ports,
        Entrypoint: Words,
        Cmd: Words,
        Env: Words,
        User: Optional(Type.String()),
        WorkingDir: Optional(Type.String()),
        Labels,
        OnBuild: Words,
      }),
      Type.Null(),
    ]),
  ),
})

export const ImageList = Type.Array(
  Type.Object({ Id: Type.String(), Created: Type.Number(), Labels, RepoTags: Words, RepoDigests: Words }),
)

/** What it can be asked for by, besides its id. Older engines call what has no name `<none>`. */
export const namesOf = ({
  RepoTags,
  RepoDigests,
}: {
  RepoTags?: Static<typeof Words>
  RepoDigests?: Static<typeof Words>
}): string[] => [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => !name.startsWith('<none>'))
