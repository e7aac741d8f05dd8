// Are variables edited as one text, and is nothing lost when others change them meanwhile?
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { describe, expect, test } from 'vitest'
import { deis, homeOf, type Reply, startController, temporaryFolder } from '../../testbed.ts'

const path = '/v2/apps/foo/config/'
const values = { A: '1', B: 'two words', C: 'a\nb' }
const config = (uuid = 'u1', now: Record<string, string> = values): Reply => ({ json: { uuid, values: now } })

/** An editor that runs this script, with the file as $1. */
function editor(script: string): string {
  const file = join(temporaryFolder(), 'editor')
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}

async function edited(script: string, answers: boolean[], replies: readonly Reply[] = [config()]) {
  const rest = [...replies]
  const controller = await startController({
    get [`GET ${path}`]() {
      return rest.length > 1 ? rest.shift()! : rest[0]!
    },
    [`POST ${path}`]: { status: 201, json: { values: { A: '9' } } },
  })
  const world = { home: homeOf(controller), env: { EDITOR: editor(script) }, answers }
  const outcome = await deis(['config:edit', '-a', 'foo'], world)
  return { ...outcome, changes: controller.requests.filter((request) => request.startsWith('POST')) }
}

test('what was changed, added and deleted is shown, confirmed and sent as one change', async () => {
  const script = `cp "$1" "$1.old"; sed -i -e 's/^A=1$/A=9/' -e '/^B=/d' "$1"; printf 'D="x # y"\\n' >>"$1"`
  const { code, stdout, stderr, asked, changes } = await edited(script, [true])
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toBe('- A=1\n+ A=9\n- B=two words\n+ D="x # y"\nCreating config... done\n\n=== foo Config\nA      9\n')
  expect(asked).toEqual(['Set this for foo? It makes a release.'])
  expect(changes).toEqual([`POST ${path} {"values":{"A":"9","B":null,"D":"x # y"},"base":"u1"}`])
})

test('the text is private, says what it is, and is gone afterwards', async () => {
  const copy = join(temporaryFolder(), 'copy')
  await edited(`cp "$1" ${copy}; stat -c %a "$1" "$(dirname "$1")" >${copy}.modes; echo "$1" >${copy}.path`, [])
  expect(readFileSync(copy, 'utf8')).toBe(
    '# Variables of foo. Lines beginning with # are ignored; a variable whose line you delete is removed.\nA=1\nB=two words\nC="a\nb"\n',
  )
  expect(readFileSync(`${copy}.modes`, 'utf8')).toBe('600\n700\n')
  expect(existsSync(readFileSync(`${copy}.path`, 'utf8').trim())).toBe(false)
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('deis-edit-'))).toEqual([])
})

describe('nothing is changed', () => {
  test.each([
    ['when the text was not changed', 'true', [], 'Nothing was changed.\n', 0],
    ['when it is not confirmed', 'echo D=1 >>"$1"', [false], 'Not confirmed; nothing was changed.\n', 0],
    [
      'when the editor fails',
      'echo D=1 >>"$1"; exit 3',
      [],
      'ended with code 3, so nothing was changed.\nSet EDITOR',
      1,
    ],
    [
      'when the text cannot be read and is left so',
      'echo nonsense >>"$1"',
      [false],
      'Error: foo.env line 6: "nonsense" does not set a variable.',
      0,
    ],
  ])('%s', async (_, script, answers, text, exit) => {
    const { code, stderr, changes } = await edited(script, answers)
    expect({ code, changes }).toEqual({ code: exit, changes: [] })
    expect(stderr).toContain(text)
  })

  test('when others changed the config before the confirmation', async () => {
    const { code, stdout, stderr, changes } = await edited('echo D=1 >>"$1"', [true], [config(), config('u2')])
    expect({ code, changes, stdout }).toEqual({ code: 1, changes: [], stdout: '+ D=1\n' })
    expect(stderr).toContain('Error: The config of "foo" was changed meanwhile, so nothing was changed.\n')
  })

  test('without a terminal, as JSON, and without an editor', async () => {
    const controller = await startController({ [`GET ${path}`]: config() })
    const home = homeOf(controller)
    const edit = ['config:edit', '-a', 'foo']
    for (const refused of [await deis(edit, { home }), await deis([...edit, '--json'], { home, answers: [] })])
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('needs a terminal') as string })
    const without = await deis(edit, { home, answers: [], env: { EDITOR: '/none/editor --wait' } })
    expect(without.stderr).toContain('The editor "/none/editor" was not found, so nothing was changed.')
  })
})

test('a text with a mistake can be edited again', async () => {
  const script = 'if grep -q nonsense "$1"; then sed -i s/nonsense/D=1/ "$1"; else echo nonsense >>"$1"; fi'
  const { code, changes, asked } = await edited(script, [true, true])
  expect({ code, changes }).toEqual({ code: 0, changes: [`POST ${path} {"values":{"D":"1"},"base":"u1"}`] })
  expect(asked[0]).toBe('Edit it again? Otherwise nothing is changed.')
})

describe('config:get', () => {
  test('prints the value and nothing else', async () => {
    const controller = await startController({ [`GET ${path}`]: config() })
    const home = homeOf(controller)
    expect(await deis(['config:get', 'C', '-a', 'foo'], { home })).toMatchObject({
      code: 0,
      stdout: 'a\nb\n',
      stderr: '',
    })
    expect((await deis(['config:get', 'C', '-a', 'foo', '--json'], { home })).stdout).toBe('"a\\nb"\n')
  })

  test.each(['D', 'toString'])('%s is not there', async (key) => {
    const controller = await startController({ [`GET ${path}`]: config() })
    expect(await deis(['config:get', key, '-a', 'foo'], { home: homeOf(controller) })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: "foo" has no variable "${key}".\n\`deis config -a foo\` lists those that it has.\n`,
    })
  })
})
