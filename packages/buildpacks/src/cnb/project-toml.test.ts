// How is project.toml read, and what of it is refused?
import { describe, expect, test } from 'vitest'
import { projectFile, readProject } from './project-toml.ts'
import { sourceFilter } from './source-filter.ts'

const two = (text: string) => readProject(`[_]\nschema-version = "0.2"\n[io.buildpacks]\n${text}`)

describe(projectFile, () => {
  test('of schema 0.2', () => {
    expect(
      two(`builder = "heroku/builder:24"
exclude = ["/docs", "*.md"]
[[io.buildpacks.group]]
id = "heroku/nodejs"
version = "5.7.6"
[[io.buildpacks.group]]
uri = "urn:cnb:builder:heroku/procfile@4.2.1"
[[io.buildpacks.post.group]]
uri = "heroku/procfile"
[[io.buildpacks.env.build]]
name = "OLD"
value = "1"
[[io.buildpacks.build.env]]
name = "BP_NEW"
value = "2"`),
    ).toEqual({
      builder: 'heroku/builder:24',
      include: null,
      exclude: ['/docs', '*.md'],
      group: [
        { id: 'heroku/nodejs', version: '5.7.6', optional: false },
        { id: 'heroku/procfile', version: '4.2.1', optional: false },
      ],
      pre: [],
      post: [{ id: 'heroku/procfile', version: null, optional: false }],
      env: { OLD: '1', BP_NEW: '2' },
      warnings: [],
    })
  })

  test('of schema 0.1, also where none is named', () => {
    const found = readProject(
      '[project]\nid="x"\n[build]\ninclude=["src"]\nbuilder="b"\n[[build.buildpacks]]\nid="heroku/go"\n[[build.env]]\nname="A"\nvalue="1"',
    )
    expect(found).toMatchObject({
      builder: 'b',
      include: ['src'],
      group: [{ id: 'heroku/go', version: null }],
      env: { A: '1' },
      warnings: ['project.toml names no schema-version: it is read as 0.1'],
    })
    expect(readProject('')).toMatchObject({ builder: null, group: null, env: {} })
  })

  test.each([
    ['[_]\nschema-version = "9"', 'project.toml: the schema-version must be "0.1", "0.2" or "0.3".'],
    ['a = ', 'project.toml: Invalid TOML document'],
    ['[build]\ninclude=["a"]\nexclude=["b"]', 'it has both include and exclude; keep one of them.'],
    ['[build]\ninclude="a"', 'project.toml: build.include must be array.'],
    ['[[build.buildpacks]]\nversion="1"', 'every buildpack needs an id or a uri.'],
    ['[[build.buildpacks]]\nuri="a/b"\nversion="1"', 'has either a uri or a version, not both.'],
    ['[[build.buildpacks]]\nuri="https://example.com/x.tgz"', '"https://example.com/x.tgz" is not fetched'],
    ['[[build.buildpacks]]\nuri="docker://x/y"', 'is not fetched'],
    ['[[build.buildpacks]]\nuri="../../etc/x"', 'is not fetched'],
    ['[[build.buildpacks]]\nid="a/b"\n[build.buildpacks.script]\ninline="x"', 'an inline buildpack is not run.'],
  ])('refused: %j', (text, why) => {
    expect(() => readProject(text)).toThrow(why)
  })

  test('what of the source a build gets', () => {
    const kept = (filter: ReturnType<typeof sourceFilter>) =>
      ['a.txt', 'docs/b.js', 'src/docs/c.txt', 'src/d.js', 'node_modules/x'].filter((path) => filter?.(path) ?? true)
    expect(kept(sourceFilter({ include: null, exclude: null }))).toHaveLength(5)
    expect(kept(sourceFilter({ include: null, exclude: ['/docs', '*.txt', '!src/**/*.txt'] }))).toEqual([
      'src/docs/c.txt',
      'src/d.js',
      'node_modules/x',
    ])
    expect(kept(sourceFilter({ include: ['src/', '!src/d.js'], exclude: null }))).toEqual([
      'src/docs/c.txt',
      'src/d.js',
    ])
  })
})
