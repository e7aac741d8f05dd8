// Do all users have to sign in again after an admin replaced all tokens (docs/contract/api.md §2.2)? Nothing can come after this.
import { describe, expect, test } from 'vitest'
import { password } from '../client.ts'
import type { Steps } from './stage.ts'

export const allUsers: Steps = (_, on) => {
  describe('§2.2 the tokens of all users', () => {
    test('are replaced, the admin’s own, too; the answer is an empty string of JSON', async () => {
      const { root, ann, nobody } = on()
      expect(await root.post('/v2/auth/tokens/', { all: true })).toMatchObject({ status: 200, text: '""' })
      for (const who of [root, ann]) expect((await who.get('/v2/')).status).toBe(401)
      expect((await nobody.post('/v2/auth/login/', { username: 'ann', password })).status).toBe(200)
    })
  })
}
