// Of which steps is an installation made, and how is each shown before it is done?

/** Each can be repeated: what is there already stays as it is. */
export type Step =
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number }
  /** The folder `from` becomes `path`, with a copy of Node.js. */
  | { readonly kind: 'release'; readonly path: string; readonly from: string }
  | { readonly kind: 'link'; readonly path: string; readonly to: string }
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly content: string }
  | { readonly kind: 'remove'; readonly path: string }
  /** A program. `mayFail`: there may be nothing for it to do. */
  | {
      readonly kind: 'run'
      readonly argv: readonly [string, ...string[]]
      readonly if?: Condition
      readonly mayFail?: true
    }
  | {
      readonly kind: 'wait'
      readonly for: string
      readonly url: string
      readonly host?: string
      readonly seconds: number
    }

/** Only if one of these paths has changed since `stopped` was started, or that does not run. */
export type Condition = { readonly changed: readonly string[]; readonly stopped: string }

/** Those that only the machine itself can do, not a folder that will become one. */
export function needsMachine({ kind }: Step): boolean {
  return kind === 'user' || kind === 'run' || kind === 'wait'
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0')

const secret = /KEY|TOKEN|PASSWORD|SECRET|DATABASE_URL/

/** Without the values of settings that are secrets, or may have one in them. */
export function withoutSecrets(content: string): string {
  return content.replaceAll(/^([A-Za-z_]{1,80})=.+$/gm, (line, name: string) =>
    secret.test(name) ? `${name}=(hidden)` : line,
  )
}

const indented = (content: string): string[] =>
  withoutSecrets(content)
    .trimEnd()
    .split('\n')
    .map((line) => `          ${line}`.trimEnd())

/** What the step does, without the content of files. */
export function titleOf(step: Step): string {
  const text = ((): string => {
    switch (step.kind) {
      case 'user':
        return `${step.name}, a system user without home and shell`
      case 'folder':
        return `${step.path} (${octal(step.mode)})`
      case 'release':
        return `${step.path}, from ${step.from}`
      case 'link':
        return `${step.path} -> ${step.to}`
      case 'file':
        return `${step.path} (${octal(step.mode)})`
      case 'remove':
        return step.path
      case 'run':
        return `${step.argv.join(' ')}${step.if ? ', if something above changed or it does not run' : ''}`
      case 'wait':
        return `at most ${step.seconds} s for ${step.for}: ${step.url}${step.host ? ` (Host: ${step.host})` : ''}`
    }
  })()
  return `${step.kind.padEnd(8)}  ${text}`
}

export function linesOf(step: Step): string[] {
  return [titleOf(step), ...(step.kind === 'file' ? indented(step.content) : [])]
}
