// HTML for visitors: whether a client prefers it, and the pages that they get instead of a redirect, some with a form.
import type { Form, Page } from '../base/problem.ts'
import { visible, visibleLine } from '../base/visible.ts'

/** True if the Accept header names text/html and ranks it above JSON, as browsers do. A bare wildcard is not HTML. */
export function prefersHtml(request: Request): boolean {
  const accept = request.headers.get('accept')
  if (accept === null || !/html/i.test(accept)) return false // the rest takes 1 µs
  const ranges = accept.toLowerCase().split(',').map(readRange)
  const html = ranges.find(({ type }) => type === 'text/html' || type === 'application/xhtml+xml')
  if (!html || html.quality === 0) return false
  const json =
    ranges.find(({ type }) => type === 'application/json') ??
    ranges.find(({ type }) => type === 'application/*') ??
    ranges.find(({ type }) => type === '*/*')
  if (!json || json.quality !== html.quality) return !json || html.quality > json.quality
  return json.type !== 'application/json' || ranges.indexOf(html) < ranges.indexOf(json)
}

function readRange(text: string): { type: string; quality: number } {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim())
  const weight = parameters.find((parameter) => parameter.startsWith('q='))
  const quality = weight ? Number(weight.slice(2)) : 1
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 }
}

const STYLE = `
:root { color-scheme: light dark; --ground: #fbfbfa; --text: #1d1f21; --quiet: #65696e; --line: #dcdddb }
@media (prefers-color-scheme: dark) { :root { --ground: #141618; --text: #e4e5e3; --quiet: #93979c; --line: #2c2f33 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-content: center; padding: 32px 24px 15vh; background: var(--ground);
  color: var(--text); font: 14px/20px system-ui, sans-serif; overflow-wrap: anywhere }
main { width: 416px; max-width: calc(100vw - 48px) }
p { margin: 0; color: var(--quiet); text-wrap: pretty }
.status { font-size: 12px; line-height: 16px; font-variant-numeric: tabular-nums; padding-bottom: 12px; border-bottom: 1px solid var(--line) }
h1 { margin: 20px 0 8px; font-size: 24px; line-height: 32px; font-weight: 600; letter-spacing: -.01em; text-wrap: balance }
.note { margin-top: 12px; color: var(--text) }
form { margin-top: 24px; display: grid; gap: 6px; justify-items: start }
label { font-weight: 500 }
input, button { font: inherit; min-height: 40px; border: 1px solid var(--quiet); border-radius: 4px }
input { width: 100%; padding: 0 12px; font-size: 16px; background: transparent; color: var(--text) }
button { margin-top: 10px; padding: 0 20px; font-weight: 600; background: var(--text); border-color: var(--text); color: var(--ground); cursor: pointer }
form > button:first-child { margin-top: 0 }
:focus-visible { outline: 2px solid var(--text); outline-offset: 2px }
`

const POLICY = `default-src 'none'; style-src 'sha256-${new Bun.CryptoHasher('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'`

/** Allows the one style of these pages by its hash, and nothing else. */
const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': `${POLICY}; form-action 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

/**
 * The same for a page with a form. Chromium and Safari apply form-action to each redirect that follows a form, up to the last one behind the
 * target, so any value of it would break links. It would guard against nothing here: the page has no other form, and runs no script.
 */
const FORM_HEADERS = { ...HEADERS, 'Content-Security-Policy': POLICY }

const shown = (text: string) => `<bdi>${Bun.escapeHTML(visible(text))}</bdi>`

/** A page for a visitor. `headers` are added to those that it needs. */
export function answerPage(status: number, page: Page, headers: Record<string, string> = {}): Response {
  return new Response(pageText(status, page), { status, headers: { ...headers, ...(page.form ? FORM_HEADERS : HEADERS) } })
}

/** Posts to the address of the page, with its query: the form has no action. */
const FORMS: Record<Form, string> = {
  password: `<form method="post">
<label for="password">Password</label>
<input id="password" name="password" type="password" required maxlength="200" autocomplete="off" aria-describedby="text" autofocus>
<button>Continue</button>
</form>`,
  confirm: `<form method="post">
<button>Continue</button>
</form>`,
}

/** A complete page for a browser. Escapes the texts. */
export function pageText(status: number, { title, text, note, form }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${Bun.escapeHTML(visibleLine(title))}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="status">${status === 200 ? '' : `${status} · `}Waypost</p>
<h1>${shown(title)}</h1>
<p id="text">${shown(text)}</p>${note ? `\n<p class="note">${shown(note)}</p>` : ''}${form ? `\n${FORMS[form]}` : ''}
</main>
</body>
</html>
`
}
