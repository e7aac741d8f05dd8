// How does a person get, change and give up an account (docs/contract/api.md §2.2)?
import { type Static, Type } from 'typebox'
import { Empty, route, Word } from './route.ts'

/** The text the original client matches; see docs/contract/api.md §1.5. */
export const invalidUsername =
  'Enter a valid username. This value may contain only letters, numbers and @/./+/-/_ characters.'

export const Username = Type.String({
  minLength: 1,
  maxLength: 150,
  // ASCII only: no two names look alike.
  pattern: String.raw`^\s*[A-Za-z0-9_@.+-]+\s*$`,
  message: invalidUsername,
})

/** Answered under `token` where the first account needs the registration token. */
export const registrationTokenMessages = {
  needed:
    'This platform has no account yet. Whoever runs it registers first, with the token that `npm start` prints, or that is in the Secret deis-keys of the cluster: deis register URL --token=TOKEN',
  wrong: 'This is not the registration token of this platform.',
} as const

export const User = Type.Object({
  id: Type.Optional(Type.Integer()),
  username: Type.String(),
  email: Type.String(),
  first_name: Type.String(),
  last_name: Type.String(),
  is_superuser: Type.Boolean(),
  is_staff: Type.Boolean(),
  is_active: Type.Boolean(),
  groups: Type.Array(Type.String()),
  user_permissions: Type.Array(Type.String()),
  last_login: Type.Union([Type.String(), Type.Null()]),
  date_joined: Type.String(),
})
export type User = Static<typeof User>

/** What a controller tells a signed-in client about itself (docs/contract/api.md §1.2); the original answers `{}`. */
export const Platform = Type.Object({
  git: Type.Optional(Type.String()),
  domain: Type.Optional(Type.String()),
  router_port: Type.Optional(Type.Integer()),
  scheduler: Type.Optional(Type.String()),
})
export type Platform = Static<typeof Platform>

export const getPlatform = route({
  method: 'GET',
  path: '/v2/',
  access: 'user',
  summary: 'Where git and apps live; 401 without a token, which is how a client recognises a controller.',
  status: 200,
  response: Platform,
})

export const register = route({
  method: 'POST',
  path: '/v2/auth/register/',
  access: 'anyone',
  summary: 'Create an account, as REGISTRATION_MODE allows.',
  body: Type.Object({
    username: Username,
    password: Type.String({ minLength: 1, maxLength: 128 }),
    email: Type.Optional(Type.String({ maxLength: 254 })),
    first_name: Type.Optional(Type.String({ maxLength: 30 })),
    last_name: Type.Optional(Type.String({ maxLength: 30 })),
    /** Ours, until the first account exists: the registration token, where others than this machine reach the API. */
    token: Type.Optional(Type.String({ maxLength: 256 })),
  }),
  status: 201,
  response: User,
})

export const login = route({
  method: 'POST',
  path: '/v2/auth/login/',
  access: 'anyone',
  summary: 'Exchange a name and a password for a token.',
  body: Type.Object({
    username: Type.String({ minLength: 1, maxLength: 256 }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
  }),
  status: 200,
  response: Type.Object({ token: Type.String() }),
})

export const whoami = route({
  method: 'GET',
  path: '/v2/auth/whoami/',
  access: 'user',
  summary: 'The account behind the token.',
  status: 200,
  response: User,
})

export const setPassword = route({
  method: 'POST',
  path: '/v2/auth/passwd/',
  access: 'user',
  summary: 'Change a password; admins may change anyone’s.',
  body: Type.Object({
    username: Type.Optional(Word),
    password: Type.Optional(Word),
    new_password: Type.Optional(Word),
  }),
  status: 200,
  response: Type.Object({ status: Type.String() }),
})

export const regenerateTokens = route({
  method: 'POST',
  path: '/v2/auth/tokens/',
  access: 'user',
  summary: 'Replace one’s own token, or as admin another user’s or everyone’s.',
  body: Type.Object({ username: Type.Optional(Word), all: Type.Optional(Type.Unsafe<boolean>({})) }),
  status: 200,
  response: Type.Union([Type.Object({ token: Type.String() }), Type.Literal('')]),
})

export const cancelAccount = route({
  method: 'DELETE',
  path: '/v2/auth/cancel/',
  access: 'user',
  summary: 'Remove an account that owns no app.',
  body: Type.Object({ username: Type.Optional(Word) }),
  status: 204,
  response: Empty,
})
