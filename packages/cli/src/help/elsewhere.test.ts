// Does a command of another platform lead to one that is there, or to one clear line?
import { beforeAll, describe, expect, test } from 'vitest'
import { createContext } from '../profile/context.ts'
import { processIo } from '../terminal/io.ts'
import { deis } from '../testbed.ts'
import { definitions } from './definitions.ts'
import { elsewhereWords } from './elsewhere.ts'
import { shortcuts, topics } from './topics.ts'

let commands: Set<string>
beforeAll(async () => {
  const context = createContext(processIo(new AbortController().signal), { profile: undefined, debug: false })
  commands = new Set((await definitions(context)).flatMap((topic) => topic.commands.map(({ name }) => name)))
})

test.each(elsewhereWords)('%s', (word, meant) => {
  // What is there is never asked about.
  expect(commands.has(word) || word in shortcuts || word in topics).toBe(false)
  if ('use' in meant) expect(commands).toContain(meant.use)
  else for (const [, named = ''] of meant.say.matchAll(/\bdeis ([a-z]+:[a-z]+)/g)) expect(commands).toContain(named)
})

const tail = 'Run `deis help` to list the commands.\n'
describe('at the prompt', () => {
  test.each([
    ['dynos', '(Did you mean ps:list?)'],
    ['ps:resize', '(Did you mean limits:set?)'],
    ['ps:autoscale:enable', '(Did you mean autoscale:set?)'],
    [
      'addons:create',
      'Databases and other services are not part of the platform. Set their address with deis config:set, such as DATABASE_URL=…',
    ],
    ['labs:enable', '(Did you mean doctor?)'],
    ['git:clone', 'git clones an app: git clone URL, with the URL that deis git:remote adds.'],
    // Spelled alike, as before.
    ['releases:rolback', '(Did you mean releases:rollback?)'],
  ])('%s', async (word, line) => {
    expect(await deis([word])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: unknown command '${word}'\n${line}\n${tail}`,
    })
  })

  test('an option', async () => {
    for (const argv of [
      ['logs', '--tail'],
      ['logs', '-a', 'foo', '--dyno=web'],
    ])
      expect(await deis(argv)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /^Error: unknown option '--(tail|dyno=web)'\n\(Did you mean --(follow|ptype)\?\)\nUsage: /,
        ) as string,
      })
    expect((await deis(['logs', '--nothing'])).stderr).not.toContain('mean')
  })

  test('nothing that is known anywhere', async () => {
    expect(await deis(['xyzzy'])).toMatchObject({ code: 1, stderr: `Error: unknown command 'xyzzy'\n${tail}` })
  })
})
