// What does every command take?
export const commonOptions: readonly (readonly [flags: string, text: string])[] = [
  ['-c, --config <profile>', 'name or path of the client configuration to use'],
  ['--json', 'print the answer as JSON on stdout, and everything else on stderr'],
  ['--debug', 'print each request and its status on stderr'],
]
