// Which controller do the tests of moved apps ask, and what does it send?
import { homeOf, type Replies, startController, temporaryFolder } from '../../testbed.ts'

export const archive = `manifest.json\0${'x'.repeat(100_000)}`
const app = {
  uuid: 'u',
  id: 'foo',
  owner: 'bob',
  structure: {},
  created: '2026-01-02T03:04:05Z',
  updated: '2026-01-02T03:04:05Z',
}
export const imported = { app, version: 4, built: null, warnings: [] }
export const exports = {
  'GET /v2/apps/foo/export/': { text: archive, headers: { 'content-length': String(archive.length) } },
}

export async function against(replies: Replies) {
  const controller = await startController(replies)
  return { controller, home: homeOf(controller), cwd: temporaryFolder() }
}
