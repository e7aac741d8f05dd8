// Do accounts, tokens and admins behave as docs/contract/api.md §2.2 says?
import { describe, expect, test } from 'vitest'
import { password } from '../client.ts'
import { clientText } from './client-text.ts'
import { signUp, type Steps } from './stage.ts'
import { withToken } from './wire.ts'

const bare = 'No User matches the given query.'

export const accounts: Steps = (_, on) => {
  describe('§2.2 accounts', () => {
    test.each([
      [{ username: '', password: 'x' }, 'Enter a valid username.'],
      [{ username: 'a b', password: 'x' }, 'Enter a valid username.'],
      [{ username: 'ann', password: 'x' }, 'A user with that username already exists.'],
      [{ username: 'new', password: '' }, 'A password is required'],
      [{ username: 'new', password: 'x', email: 'nowhere' }, 'Enter a valid email address.'],
      [{ username: 'x'.repeat(151), password: 'x' }, 'Ensure this field has no more than 150 characters.'],
      [{ username: 'new', password: 'x'.repeat(129) }, 'Ensure this field has no more than 128 characters.'],
      [{ username: 'new', password: 'x', email: `${'x'.repeat(250)}@x.io` }, 'no more than 254 characters.'],
      [{ username: 'new', password: 'x', first_name: 'x'.repeat(31) }, 'no more than 30 characters.'],
      [{ username: 'new', password: 'x', last_name: 'x'.repeat(31) }, 'no more than 30 characters.'],
      [{ username: 5, password: null }, 'Not a valid string.'],
    ])('register refuses %j, and the client says why', async (body, words) => {
      const reply = await on().nobody.post('/v2/auth/register/', body)
      expect(reply.status).toBe(400)
      expect(clientText(reply)).toContain(words)
    })

    test('register takes names of letters and @ . + - _, and ignores what nobody may claim', async () => {
      const username = 'Buro@x.io+a-b_c'
      const body = { username, password: 'x', is_superuser: true, is_staff: true, is_active: false }
      const { status, json } = await on().nobody.post('/v2/auth/register', body)
      expect(status).toBe(201)
      const account = { username, email: '', first_name: '', last_name: '', is_superuser: false, is_staff: false }
      expect(json).toMatchObject({ ...account, is_active: true, groups: [], user_permissions: [] })
      const { last_login, date_joined } = json as { last_login: string; date_joined: string }
      expect(last_login).toBe(date_joined)
      expect(json).not.toHaveProperty('password')
    })

    test('login wants both fields and says the same of a wrong name and of a wrong password', async () => {
      const { nobody } = on()
      const ask = (body: unknown) => nobody.post('/v2/auth/login/', body)
      const required = ['This field is required.']
      expect((await ask(undefined)).json).toEqual({ username: required, password: required })
      const blank = ['This field may not be blank.']
      expect((await ask({ username: '', password: '' })).json).toEqual({ username: blank, password: blank })
      for (const username of ['ann', 'nobody-at-all'])
        expect(await ask({ username, password: 'wrong' })).toMatchObject({
          status: 400,
          json: { non_field_errors: ['Unable to log in with provided credentials.'] },
        })
    })

    test('whoami is the account that registered', async () => {
      const [, account] = on().registered
      expect((await on().ann.get('/v2/auth/whoami/')).json).toEqual(account?.json)
    })

    test('passwd: what it wants, whom it refuses, whom it serves', async () => {
      const { api, ann, root } = on()
      const { token } = await signUp(api, 'pat')
      const pat = withToken(api, token)
      const ask = (body: unknown, who = pat) => who.post('/v2/auth/passwd/', body)
      expect(await ask(undefined)).toMatchObject({ status: 400, json: { detail: 'new_password is a required field' } })
      expect(await ask({ new_password: 'b' })).toMatchObject({
        status: 400,
        json: { detail: 'password is a required field' },
      })
      const wrong = await ask({ password: 'no', new_password: 'b' })
      expect(wrong).toMatchObject({ status: 401, json: { detail: 'Current password does not match' } })
      expect((await ask({ username: 'pat', password, new_password: 'b' }, ann)).status).toBe(403)
      expect(await ask({ username: 'no-one', new_password: 'b' }, root)).toMatchObject({ status: 404, json: bare })
      expect((await ask({ password, new_password: 'second' })).json).toEqual({ status: 'password set' })
      // Admins need no present password, also of others.
      expect((await ask({ username: 'pat', new_password: 'third' }, root)).status).toBe(200)
      expect((await on().nobody.post('/v2/auth/login/', { username: 'pat', password: 'third' })).status).toBe(200)
      // §7 #33: a token does not outlive the password.
      expect((await pat.get('/v2/auth/whoami/')).status).toBe(401)
    })

    test('tokens: one’s own with an empty body, another’s and everyone’s for admins only', async () => {
      const { api, root, ann } = on()
      const { token } = await signUp(api, 'tim')
      const { json } = await withToken(api, token).post('/v2/auth/tokens/')
      const next = (json as { token: string }).token
      expect(next).not.toBe(token)
      expect((await withToken(api, token).get('/v2/')).json).toEqual({ detail: 'Invalid token.' })
      expect((await ann.post('/v2/auth/tokens/', { username: 'tim' })).status).toBe(403)
      expect((await ann.post('/v2/auth/tokens/', { all: true })).status).toBe(403)
      expect(await root.post('/v2/auth/tokens/', { username: 'no-one' })).toMatchObject({ status: 404, json: bare })
      const given = await root.post('/v2/auth/tokens', { username: 'tim' })
      expect((await withToken(api, next).get('/v2/')).status).toBe(401)
      expect((await withToken(api, (given.json as { token: string }).token).get('/v2/')).status).toBe(200)
    })

    test('cancel: your own account without a body, others as admin, none that owns an app', async () => {
      const { api, root, ann } = on()
      const { token } = await signUp(api, 'una')
      const una = withToken(api, token)
      expect((await una.remove('/v2/auth/cancel/', { username: 'ann' })).status).toBe(403)
      expect(await root.remove('/v2/auth/cancel/', { username: 'no-one' })).toMatchObject({ status: 404, json: bare })
      await una.post('/v2/apps/', { id: on().name('una-app') })
      const owner = await una.remove('/v2/auth/cancel/')
      expect(owner.status).toBe(409)
      expect(owner.json).toEqual({
        detail: 'una still has applications assigned. Delete or transfer ownership',
      })
      expect(clientText(owner)).toBe('still has applications assigned. Delete or transfer ownership')
      await una.remove(`/v2/apps/${on().name('una-app')}/`)
      expect((await una.remove('/v2/auth/cancel/')).status).toBe(204)
      expect((await una.get('/v2/auth/whoami/')).status).toBe(401)
      await signUp(api, 'una')
      expect((await root.remove('/v2/auth/cancel', { username: 'una' })).status).toBe(204)
      expect((await ann.get('/v2/auth/whoami/')).status).toBe(200)
    })

    test('users are listed to admins, page by page', async () => {
      const { root, ann } = on()
      expect((await ann.get('/v2/users/?limit=100')).status).toBe(403)
      const { json } = await root.get('/v2/users/?limit=100')
      const names = (json as { results: { username: string }[] }).results.map(({ username }) => username)
      expect(names).toEqual(expect.arrayContaining(['root', 'ann', 'cal', 'eve']))
      expect(names).not.toContain('AnonymousUser')
    })

    test('admins are made and unmade, by admins; revoking a right that a user does not have is not an error', async () => {
      const { root, ann, eve } = on()
      const admins = async (): Promise<unknown> => (await root.get('/v2/admin/perms/?limit=100')).json
      expect((await ann.get('/v2/admin/perms/')).status).toBe(403)
      expect(await root.post('/v2/admin/perms/', { username: 'no-one' })).toMatchObject({ status: 404, json: bare })
      expect((await root.post('/v2/admin/perms/', { username: 'eve' })).status).toBe(201)
      expect((await eve.get('/v2/auth/whoami/')).json).toMatchObject({ is_superuser: true, is_staff: true })
      expect(await admins()).toMatchObject({
        count: 2,
        results: expect.arrayContaining([{ username: 'eve', is_superuser: true }]) as unknown,
      })
      expect((await root.remove('/v2/admin/perms/eve')).status).toBe(204)
      expect((await root.remove('/v2/admin/perms/eve')).status).toBe(204)
      expect(await root.remove('/v2/admin/perms/no-one')).toMatchObject({ status: 404, json: bare })
      expect((await eve.get('/v2/users/')).status).toBe(403)
    })
  })
}
