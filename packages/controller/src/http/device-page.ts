// What does the page show on which a user lets a client log in? No script, nothing from elsewhere.
import { createHash } from 'node:crypto'

const style = `
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 28rem; margin: 3rem auto; padding: 0 1rem; color: #1f2328; }
label { display: block; margin: 1rem 0; font-weight: 600; }
input { display: block; box-sizing: border-box; width: 100%; padding: .5rem; font: inherit; }
button { padding: .5rem 1rem; font: inherit; }
code { font-size: 1.5rem; letter-spacing: .1em; }
[role=alert] { color: #a40e26; }
`

/** Nothing is loaded, run or framed, and the form goes nowhere else. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  // The code is in the address; the form itself needs its Origin.
  'referrer-policy': 'same-origin',
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}

function page(title: string, lines: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${style}</style></head>
<body>
<h1>${title}</h1>
${lines.join('\n')}
</body>
</html>
`
}

const alert = (problem: string | null): string[] =>
  problem === null ? [] : [`<p role="alert">${escaped(problem)}</p>`]

/** Asks for the code that the client shows. */
export function codePage(problem: string | null): string {
  return page('Log in a client', [
    ...alert(problem),
    '<form method="get">',
    '<label>Code that <kbd>deis login --browser</kbd> shows<input name="code" required autocomplete="off" autofocus></label>',
    '<button>Continue</button>',
    '</form>',
  ])
}

export type Shown = { readonly code: string; readonly name: string; readonly address: string; readonly host: string }

/** Names who asked, before it asks for a password. */
export function loginPage({ code, name, address, host }: Shown, username: string, problem: string | null): string {
  const client = name === '' ? 'A client' : `A client on <b><bdi>${escaped(name)}</bdi></b>`
  return page('Log in a client', [
    ...alert(problem),
    `<p>${client} at the address <b>${escaped(address)}</b> wants to log in to <b>${escaped(host)}</b>. Its code:</p>`,
    `<p><code>${escaped(code)}</code></p>`,
    '<p>Continue only if you have just started this yourself, and the client shows the same code: it will be able to do everything that you can.</p>',
    '<form method="post">',
    `<input type="hidden" name="code" value="${escaped(code)}">`,
    `<label>User name<input name="username" value="${escaped(username)}" required maxlength="256" autocomplete="username"></label>`,
    '<label>Password<input name="password" type="password" required maxlength="1024" autocomplete="current-password"></label>',
    '<button name="answer" value="allow">Log in</button>',
    '<button name="answer" value="deny" formnovalidate>Deny</button>',
    '</form>',
  ])
}

export function endPage(text: string): string {
  return page('Log in a client', [`<p>${escaped(text)}</p>`])
}
