import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { hiddenIn } from '../kit/parts/field.tsx'
import { Cross } from '../kit/parts/icons.tsx'
import { TagField, tagsIn } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'
import { completed, type Draft, EMPTY, type Field, faultsOf, fieldOf } from './draft.ts'
import { useOffer } from './offer.ts'

/** The server's texts begin with "is already taken": these names come before them. */
const NAMES: Record<Field, string> = { target: 'this address', code: 'this code', title: 'this title', tags: 'a tag' }

type Faults = Partial<Record<Field, string>>

/** The form for a new link; below it the link just created. `first` is the field that the key n focuses. */
export function NewLink({ first, created }: { first: RefObject<HTMLInputElement | null>; created: (link: Link) => void }) {
  const [draft, changeDraft, clearDraft] = useDraft<Draft>('new link', EMPTY)
  const [left, setLeft] = useState<Field[]>([])
  const [refused, setRefused] = useState<Faults>({})
  const [failure, setFailure] = useState('')
  const [made, setMade] = useState<Link>()
  const [busy, setBusy] = useState(false)

  const taken = useTaken(draft.code)
  const faults = { ...(taken && { code: 'This code is already taken.' }), ...faultsOf(draft) }
  /** A field is checked once it has been left. The server's error stays until the field changes. */
  const faultOf = (field: Field) => refused[field] ?? (left.includes(field) ? faults[field] : undefined)

  const change = (field: Field, text: string) => {
    changeDraft({ [field]: text })
    setRefused({ ...refused, [field]: undefined })
    setFailure('')
    if (field === 'code' && text !== '') setLeft([...new Set([...left, field])]) // codes are checked while they are typed
  }

  useOffer(
    (offer) => {
      changeDraft({ ...EMPTY, ...offer })
      setLeft(['target', 'title'])
      setMade(undefined)
    },
    () => first.current?.focus(),
  )

  const submit = async (event: Event) => {
    event.preventDefault()
    if (busy) return
    setLeft(['target', 'code', 'title', 'tags'])
    const [faulty] = Object.keys(faults)
    if (faulty) return void document.getElementById(`new-${faulty}`)?.focus()
    setBusy(true)
    try {
      const { data } = await call<Link>('POST', '/urls', { body: bodyOf(draft) })
      clearDraft()
      setLeft([])
      setMade(data)
      created(data)
    } catch (thrown) {
      const error = asApiError(thrown)
      const refusals: Faults = {}
      for (const { field, message } of error.details) {
        const name = fieldOf(field)
        if (name) refusals[name] = sentence({ message: `${NAMES[name]} ${message}` })
      }
      setRefused(refusals)
      setFailure(Object.keys(refusals).length ? '' : sentence(error))
    }
    setBusy(false)
  }

  const input = (field: Field, label: string, placeholder: string, extra: object = {}) => (
    <label class={`field ${field}`}>
      <span class="label">{label}</span>
      <input
        id={`new-${field}`}
        value={draft[field]}
        placeholder={placeholder}
        autocomplete="off"
        spellcheck={false}
        aria-invalid={faultOf(field) !== undefined}
        aria-describedby={`new-${field}-fault`}
        onInput={(event) => change(field, event.currentTarget.value)}
        onBlur={() => draft[field] !== '' && setLeft([...new Set([...left, field])])}
        {...extra}
      />
      <span class="fault" id={`new-${field}-fault`}>
        {faultOf(field) ?? hiddenIn(draft[field])}
      </span>
    </label>
  )

  return (
    <section class="new-link" aria-label="New link">
      <form onSubmit={submit} noValidate>
        {input('target', 'New link to', 'https://example.com/a/long/address', {
          ref: first,
          inputMode: 'url',
          'aria-keyshortcuts': 'n',
        })}
        {input('code', 'Code', 'automatic', { autocapitalize: 'none' })}
        {input('title', 'Title', 'optional', { spellcheck: true })}
        <TagField
          label="Tags"
          placeholder="optional"
          value={draft.tags}
          change={(tags) => change('tags', tags)}
          fault={faultOf('tags')}
        />
        <button type="submit" class="button main" disabled={busy}>
          Shorten
        </button>
      </form>
      {failure && (
        <p class="failure" role="alert">
          <span class="sign">■</span> {failure}
        </p>
      )}
      {made && <Made link={made} close={() => setMade(undefined)} />}
    </section>
  )
}

/** Whether a link has this code already, requested when typing pauses. Codes of deleted links are taken too; only the server knows those. */
function useTaken(code: string): boolean {
  const [taken, setTaken] = useState('')
  useEffect(() => {
    if (faultsOf({ ...EMPTY, target: 'https://a.b', code }).code || code === '') return
    const running = new AbortController()
    const timer = setTimeout(async () => {
      const query = new URLSearchParams({ code, per_page: '1' })
      const found = await call<Link[]>('GET', `/urls?${query}`, { signal: running.signal }).catch(() => undefined)
      if (found?.data.some(({ short_code }) => short_code === code)) setTaken(code)
    }, 300)
    return () => {
      clearTimeout(timer)
      running.abort()
    }
  }, [code])
  return code !== '' && taken === code
}

function Made({ link, close }: { link: Link; close: () => void }) {
  return (
    <div class="made" role="status">
      <a class="short" href={link.short_url} target="_blank" rel="noreferrer">
        {link.short_url.replace(/^https?:\/\//, '')}
      </a>
      <CopyButton text={link.short_url} label="Copy" key={link.id} />
      <span class="quiet to">
        leads to <Text of={link.original_url} />
      </span>
      <button type="button" class="quiet-button" aria-label="Close" onClick={close}>
        <Cross />
      </button>
    </div>
  )
}

function bodyOf({ target, code, title, tags }: Draft) {
  return {
    original_url: completed(target),
    ...(code ? { short_code: code } : {}),
    ...(title.trim() ? { title: title.trim() } : {}),
    ...(tags ? { tags: tagsIn(tags) } : {}),
  }
}
