// What does docs/commands.md say? It is made of the definitions that the program itself uses.
import { type CommandData, everywhere, type TopicData } from './definitions.ts'

const head = `# Commands

This page is written by \`node scripts/docs.mjs\` from the definitions of the \`deis\` program; a test fails when it is out of
date. \`deis help TOPIC\` and \`deis help TOPIC:VERB\` tell the same.

## What holds for all of them

- A command is one word, \`TOPIC:VERB\`; its options follow it, in any order. \`--\` ends them. Long options may be cut short
  as long as they stay unique.
- The app is the value of \`--app\`, or else \`DEIS_APP\`, or else the app of the first git remote that belongs to the
  controller, or else the name of the folder.
- The exit code is 0 when all went well and 1 when it did not; \`deis run\` and \`deis ps:exec\` end
  with that of what they ran. Answers are on stdout, errors on stderr.
- With \`--json\`, stdout holds one JSON value: what the controller answered, in the shapes of its API
  (\`/v2/openapi.json\`), or the part of it that the command is about. Lists are pages, \`{"count", "results", …}\`. It is
  \`null\` where there is nothing to tell. Progress and errors are on stderr.
- When the controller goes away during a change, the command waits up to \`DEIS_WAIT_SECONDS\` (300; 0 does not wait) to
  hear how it ended, and goes on as if the answer had come then. What was never begun is sent once more.
- \`deis foo:bar …\` runs the program \`deis-foo bar …\` of the \`PATH\` where there is no topic \`foo\`.

Every command takes:
`

function capitalised(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function rows(list: readonly { readonly term: string; readonly description: string }[]): string[] {
  return list.map(({ term, description }) => `- \`${term}\`: ${description}`)
}

function command({ name, summary, usage, shortcuts, arguments: words, options }: CommandData): string[] {
  const also = shortcuts.map((word) => `\`deis ${word}\``).join(', ')
  return [
    `### ${name}`,
    '',
    capitalised(summary) + (also ? ` Also: ${also}.` : ''),
    '',
    '```',
    usage,
    '```',
    '',
    ...rows(words.map(({ term, description }) => ({ term: `<${term}>`, description }))),
    ...rows(options),
    '',
  ]
}

export function commandsDocument(topics: readonly TopicData[]): string {
  const contents = topics.map(({ name, summary }) => `- [${name}](#${name}): ${summary}`)
  const sections = topics.flatMap((topic) => [
    `## ${topic.name}`,
    '',
    capitalised(topic.summary),
    '',
    ...topic.commands.flatMap((data) => {
      const lines = command(data)
      // A topic of one command needs no second heading.
      return data.name === topic.name ? lines.slice(2) : lines
    }),
  ])
  const text = [head, ...rows(everywhere), '', '## Topics', '', ...contents, '', ...sections].join('\n')
  return `${text.replaceAll(/\n{3,}/g, '\n\n').trimEnd()}\n`
}
