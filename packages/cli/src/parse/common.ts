// Which options does every command have?
export const commonOptions: readonly (readonly [flags: string, text: string])[] = [
  ['-c, --config <profile>', 'name or path of the client configuration'],
  ['--json', 'print the answer as JSON on stdout, and everything else on stderr'],
  ['--raw', 'print all output unchanged on a terminal, control characters included'],
  ['--debug', 'print each request and its status on stderr'],
]
