// What does docs/commands.md say? It is written from the definitions that the program uses.
import { type CommandData, everywhere, type TopicData } from './definitions.ts'

const head = `# Commands

This page is written by \`node scripts/docs.mjs\` from the definitions of the \`deis\` program; a test fails when it is out
of date. \`deis help TOPIC\` and \`deis help TOPIC:VERB\` show the same.

## All commands

- A command is one word, \`TOPIC:VERB\`, followed by its options in any order. \`--\` ends the options. A long option may be
  abbreviated while it stays unique.
- The app is the value of \`--app\`, else \`DEIS_APP\`, else the app of the first git remote that belongs to the controller,
  else the name of the folder.
- The exit code is 0 on success and 1 on failure; \`deis run\` and \`deis ps:exec\` exit with the exit code of their command.
  Answers are printed on stdout, errors on stderr.
- With \`--json\`, stdout has one JSON value: the answer of the controller, in the schemas of its API
  (\`/v2/openapi.json\`), or the part of it that the command is about. Lists are pages, \`{"count", "results", …}\`. A
  command without an answer prints \`null\`. Progress and errors are printed on stderr.
- When the connection is lost during a change, the command waits up to \`DEIS_WAIT_SECONDS\` (300; 0: it does not wait) for
  the result, and then continues as usual. A change that never began is sent once more.
- \`deis foo:bar …\` runs the program \`deis-foo bar …\` from the \`PATH\` if there is no topic \`foo\`.

Options of every command:
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
      // A topic with one command needs no second heading.
      return data.name === topic.name ? lines.slice(2) : lines
    }),
  ])
  const text = [head, ...rows(everywhere), '', '## Topics', '', ...contents, '', ...sections].join('\n')
  return `${text.replaceAll(/\n{3,}/g, '\n\n').trimEnd()}\n`
}
