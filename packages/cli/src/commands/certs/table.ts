// How is a table drawn (docs/contract/cli.md §2.5)?
const widest = 30

/** Lines of whole words, none longer than the limit unless a word is. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= widest) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function centred(text: string, width: number): string {
  return text.padStart(Math.floor((width + text.length) / 2)).padEnd(width)
}

/** No outer border, headings in the middle, cells to the left. */
export function tableLines(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(wrapped))
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...cells.flatMap((row) => row[column]?.map((line) => line.length) ?? [])),
  )
  const drawn = (texts: readonly string[]): string => `  ${texts.join(' | ')}`.trimEnd()
  return [
    drawn(headings.map((heading, column) => centred(heading, widths[column] ?? 0))),
    `+${widths.map((width) => '-'.repeat(width + 2)).join('+')}+`,
    ...cells.flatMap((row) =>
      Array.from({ length: Math.max(...row.map((lines) => lines.length)) }, (_, at) =>
        drawn(widths.map((width, column) => (row[column]?.[at] ?? '').padEnd(width))),
      ),
    ),
  ]
}
