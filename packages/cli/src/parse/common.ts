// What does every command take?
export const commonOptions: readonly (readonly [flags: string, text: string])[] = [
  ['-c, --config <profile>', 'name or path of the client configuration to use'],
  ['--json', 'print the answer as JSON on stdout, and everything else on stderr'],
  ['--raw', 'show what comes from elsewhere as it is on a terminal, control characters too'],
  ['--debug', 'print each request and its status on stderr'],
]
