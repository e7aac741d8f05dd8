// What is an SSH key, and how is it added and deleted (docs/contract/api.md §2.12)?
import { type Static, Type } from 'typebox'
import { Empty, Page, PageQuery, route, Time, Word } from './route.ts'

export const Key = Type.Object({
  uuid: Type.String(),
  owner: Type.String(),
  id: Type.String(),
  public: Type.String(),
  /** MD5 of the key blob, `aa:bb:…`, as the original gives it. */
  fingerprint: Type.String(),
  created: Time,
  updated: Time,
})
export type Key = Static<typeof Key>

const KeyParams = Type.Object({ id: Word })

export const listKeys = route({
  method: 'GET',
  path: '/v2/keys/',
  access: 'user',
  summary: 'List your SSH keys.',
  query: PageQuery,
  status: 200,
  response: Page(Key),
})

export const addKey = route({
  method: 'POST',
  path: '/v2/keys/',
  access: 'user',
  recorded: true,
  summary: 'Add a public key.',
  body: Type.Object({
    id: Type.String({ minLength: 1, maxLength: 128 }),
    public: Type.String({ minLength: 1, maxLength: 16_384 }),
  }),
  status: 201,
  response: Key,
})

export const getKey = route({
  method: 'GET',
  path: '/v2/keys/:id',
  rest: true,
  access: 'user',
  summary: 'Show one of your SSH keys.',
  params: KeyParams,
  status: 200,
  response: Key,
})

export const removeKey = route({
  method: 'DELETE',
  path: '/v2/keys/:id',
  rest: true,
  access: 'user',
  recorded: true,
  summary: 'Delete a key.',
  params: KeyParams,
  status: 204,
  response: Empty,
})
