import { useEffect, useRef, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { CopyButton } from '../parts/copy.tsx'
import { count, followable, parts } from '../parts/figures.ts'
import { Bin } from '../parts/icons.tsx'
import { Time } from '../parts/time.tsx'
import { sentence } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'

type Props = { link: Link; fresh: boolean; changed: (id: number, link: Link | undefined) => void }

export function LinkRow({ link, fresh, changed }: Props) {
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState('')
  const { host, rest } = parts(link.original_url)

  const attempt = async (work: () => Promise<void>) => {
    setBusy(true)
    setFailure('')
    try {
      await work()
    } catch (error) {
      setFailure(sentence(asApiError(error)))
    }
    setBusy(false)
  }
  const toggle = () =>
    attempt(async () => {
      const { data } = await call<Link>('PATCH', `/urls/${link.id}`, { body: { is_active: !link.is_active } })
      changed(link.id, data)
    })
  const remove = () =>
    attempt(async () => {
      await call('DELETE', `/urls/${link.id}`)
      changed(link.id, undefined)
    })

  return (
    <>
      <tr class={`${link.is_active ? '' : 'inactive'} ${fresh ? 'fresh' : ''} ${asking || failure ? 'open' : ''}`}>
        <td class="code">
          <a href={link.short_url} target="_blank" rel="noreferrer" title={link.short_url}>
            {link.short_code}
          </a>
          <CopyButton text={link.short_url} />
        </td>
        <td class="target">
          <a href={followable(link.original_url)} target="_blank" rel="noreferrer" title={link.original_url}>
            {host}
            <span class="quiet">{rest}</span>
          </a>
        </td>
        <td class="title" title={link.title ?? undefined}>
          {link.title}
        </td>
        <td class="clicks figure">
          {count(link.click_count)}
          <span class="unit"> {link.click_count === 1 ? 'click' : 'clicks'}</span>
        </td>
        <td class="active">
          <button
            type="button"
            role="switch"
            aria-checked={link.is_active}
            class="switch"
            disabled={busy}
            onClick={toggle}
            title={link.is_active ? 'Deactivate' : 'Activate'}
          >
            <span class="knob" />
            {link.is_active ? 'active' : 'inactive'}
          </button>
        </td>
        <td class="created figure">
          <Time at={link.created_at} />
        </td>
        <td class="actions">
          <button
            type="button"
            class="quiet-button"
            aria-label={`Delete ${link.short_code}`}
            title="Delete"
            aria-expanded={asking}
            onClick={() => setAsking(!asking)}
          >
            <Bin />
          </button>
        </td>
      </tr>
      {(asking || failure) && (
        <tr class="question">
          <td colSpan={7}>
            {failure ? (
              <p class="failure" role="alert">
                <span class="sign">■</span> {failure}
                <button type="button" class="link-button" onClick={() => setFailure('')}>
                  Close
                </button>
              </p>
            ) : (
              <Confirm code={link.short_code} busy={busy} yes={remove} no={() => setAsking(false)} />
            )}
          </td>
        </tr>
      )}
    </>
  )
}

function Confirm({ code, busy, yes, no }: { code: string; busy: boolean; yes: () => void; no: () => void }) {
  const keep = useRef<HTMLButtonElement>(null)
  useEffect(() => keep.current?.focus(), [])
  return (
    <div class="confirm" role="alertdialog" aria-label={`Delete ${code}`} onKeyDown={(event) => event.key === 'Escape' && no()}>
      <span>
        Delete <b>{code}</b>? It stops redirecting at once, and its code is never issued again. Its clicks stay counted.
      </span>
      <button type="button" class="button danger" disabled={busy} onClick={yes}>
        Delete
      </button>
      <button type="button" class="button" ref={keep} onClick={no}>
        Keep
      </button>
    </div>
  )
}
