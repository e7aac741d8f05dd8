// How is an account created, used, changed and cancelled (docs/contract/api.md §2.2)?
import { type Static, Type } from 'typebox'
import { Empty, route, Word } from './route.ts'

/** The original client matches this text (docs/contract/api.md §1.5). */
export const invalidUsername =
  'Enter a valid username. This value may contain only letters, numbers and @/./+/-/_ characters.'

export const Username = Type.String({
  minLength: 1,
  maxLength: 150,
  // ASCII only: no two names look alike.
  pattern: String.raw`^\s*[A-Za-z0-9_@.+-]+\s*$`,
  message: invalidUsername,
})

/** The messages of the field `token`, if the first account needs the registration token. */
export const registrationTokenMessages = {
  needed:
    'This platform has no account yet, and the first one needs the registration token, which its operator has: deis register URL --token=TOKEN',
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

/** What a controller tells a client with a token about itself (docs/contract/api.md §1.2); the original answers `{}`. */
export const Platform = Type.Object({
  git: Type.Optional(Type.String()),
  /** What the git server proves itself by over SSH: `<type> <base64>`, as in known_hosts. */
  git_host_keys: Type.Optional(Type.Array(Type.String())),
  domain: Type.Optional(Type.String()),
  router_port: Type.Optional(Type.Integer()),
  scheduler: Type.Optional(Type.String()),
})
export type Platform = Static<typeof Platform>

export const getPlatform = route({
  method: 'GET',
  path: '/v2/',
  access: 'user',
  summary: 'Show the addresses of git and apps; 401 without a token, by which a client recognises a controller.',
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
    /** Ours: the registration token, needed for the first account if other machines reach the API. */
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

/** How a client is allowed in by its user in a browser, in the shape of RFC 8628. */
export const beginDeviceLogin = route({
  method: 'POST',
  path: '/v2/auth/device/',
  access: 'anyone',
  summary: 'Begin a login that its user finishes in a browser.',
  body: Type.Object({
    /** What the page shows of the client, such as its host name. */
    name: Type.Optional(Type.String({ maxLength: 100 })),
  }),
  status: 200,
  response: Type.Object({
    device_code: Type.String(),
    user_code: Type.String(),
    verification_uri: Type.String(),
    verification_uri_complete: Type.String(),
    /** Seconds. */
    expires_in: Type.Integer(),
    interval: Type.Integer(),
  }),
})

/** The field `error` of a 400 of the next route. */
export const deviceErrors = ['authorization_pending', 'slow_down', 'access_denied', 'expired_token'] as const
export type DeviceError = (typeof deviceErrors)[number]

export const collectDeviceLogin = route({
  method: 'POST',
  path: '/v2/auth/device/token/',
  access: 'anyone',
  summary: 'Exchange a device code for a token, once its user has logged in; until then 400 with `error`.',
  body: Type.Object({ device_code: Type.String({ minLength: 1, maxLength: 100 }) }),
  status: 200,
  response: Type.Object({ token: Type.String(), username: Type.String() }),
})

export const whoami = route({
  method: 'GET',
  path: '/v2/auth/whoami/',
  access: 'user',
  summary: 'Show the account of the token.',
  status: 200,
  response: User,
})

export const setPassword = route({
  method: 'POST',
  path: '/v2/auth/passwd/',
  access: 'user',
  summary: 'Change your password; admins may change that of any user.',
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
  summary: 'Replace your token; admins may replace that of any user, or all tokens.',
  body: Type.Object({ username: Type.Optional(Word), all: Type.Optional(Type.Unsafe<boolean>({})) }),
  status: 200,
  response: Type.Union([Type.Object({ token: Type.String() }), Type.Literal('')]),
})

export const cancelAccount = route({
  method: 'DELETE',
  path: '/v2/auth/cancel/',
  access: 'user',
  summary: 'Cancel an account that does not own apps.',
  body: Type.Object({ username: Type.Optional(Word) }),
  status: 204,
  response: Empty,
})
