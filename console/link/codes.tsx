// The codes of a link: its own, and its aliases. All of them lead to it; a renamed link keeps its old code.
import { useState } from 'preact/hooks'
import { pathOf } from '../../src/base/code-path.ts'
import type { Link } from '../../src/links/schema.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { Failure, Field } from '../kit/parts/field.tsx'
import { Bin, Pen } from '../kit/parts/icons.tsx'
import { Text } from '../kit/parts/text.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'

/** `changed` gets the link after each change; without `writes` the codes are only shown. */
export function Codes({ link, changed, writes }: { link: Link; changed: (link: Link) => void; writes: boolean }) {
  const { id, short_code, short_url, aliases = [] } = link
  const [open, setOpen] = useState(false)
  const [text, setText] = useState('')
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const urlOf = (code: string) => short_url.slice(0, -pathOf(short_code).length) + pathOf(code)

  const add = (code: string) => call('POST', `/urls/${id}/aliases`, { body: { code } }).then(reload)
  const reload = async () => changed((await call<Link>('GET', `/urls/${id}`)).data)
  const rename = async (code: string) => changed((await call<Link>('PATCH', `/urls/${id}`, { body: { short_code: code } })).data)
  const attempt = (work: () => Promise<unknown>) =>
    work().catch((error) => toast({ tone: 'bad', text: sentence(asApiError(error)) }))
  const remove = async (code: string) => {
    await call('DELETE', `/urls/${id}/aliases/${encodeURIComponent(code)}`)
    await reload()
    toast({ text: `Removed ${code}`, undo: () => void attempt(() => add(code)) })
  }
  const type = (text: string) => {
    clear()
    setText(text)
  }
  const save = async (work: (code: string) => Promise<unknown>) => {
    if (text.trim() === '' || busy || !(await run(() => work(text.trim())))) return
    setText('')
    setOpen(false)
  }

  return (
    <section class="link-codes" aria-label="Codes">
      <div class="head">
        <h2>Codes</h2>
        {writes && !open && (
          <button type="button" class="button" onClick={() => setOpen(true)}>
            Add or rename
          </button>
        )}
      </div>
      {aliases.length > 0 && (
        <ul>
          {[short_code, ...aliases].map((code) => (
            <li key={code}>
              <a class="code" href={urlOf(code)} target="_blank" rel="noreferrer">
                <Text of={code} />
              </a>
              <CopyButton text={urlOf(code)} />
              <span class="what">
                <span class="quiet">{code === short_code ? 'the code of the link' : 'alias'}</span>
                {code !== short_code && writes && (
                  <>
                    <button
                      type="button"
                      class="quiet-button"
                      title="Make it the code of the link"
                      aria-label={`Make ${code} the code of the link`}
                      onClick={() => attempt(() => rename(code))}
                    >
                      <Pen />
                    </button>
                    <button
                      type="button"
                      class="quiet-button"
                      title="Remove"
                      aria-label={`Remove ${code}`}
                      onClick={() => attempt(() => remove(code))}
                    >
                      <Bin />
                    </button>
                  </>
                )}
              </span>
            </li>
          ))}
        </ul>
      )}
      {writes && open && (
        <form
          aria-label="Add or rename"
          noValidate
          onSubmit={(event) => {
            event.preventDefault()
            void save(add)
          }}
          onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}
        >
          <Field
            label="Another code"
            autofocus
            value={text}
            change={type}
            fault={faultOf('code', 'the code') ?? faultOf('short_code', 'the code')}
            hint="Every code that the link ever had keeps working."
          />
          <span class="buttons">
            <button type="submit" class="button main" disabled={busy}>
              Add as alias
            </button>
            <button type="button" class="button" disabled={busy} onClick={() => save(rename)}>
              Rename the link
            </button>
            <button type="button" class="button" onClick={() => setOpen(false)}>
              Cancel
            </button>
          </span>
          <Failure>{failure(['code', 'short_code'])}</Failure>
        </form>
      )}
    </section>
  )
}
