import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Blocked } from '../../src/blocklist/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { Failure, Field } from '../kit/parts/field.tsx'
import { count } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { call } from '../kit/server/api.ts'

const PAUSE = 300

/** Blocks a host. Shows the number of links that mention it before, and the number of blocked links after. */
export function BlockForm({ first, blocked }: { first: RefObject<HTMLInputElement | null>; blocked: () => void }) {
  const [{ host, reason }, type, forget] = useDraft('blocked host', { host: '', reason: '' })
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const name = nameIn(host)
  const mentions = useMentions(name)

  const fault =
    host.trim() === ''
      ? asked
        ? 'Enter a host.'
        : undefined
      : !name
        ? 'Enter a host name or IP address, such as evil.example.'
        : undefined
  const block = async (event: Event) => {
    event.preventDefault()
    setAsked(true)
    if (!name || busy) return
    const worked = await run(async () => {
      const { data } = await call<Blocked>('POST', '/api/blocklist', {
        body: { host: name, ...(reason.trim() && { reason: reason.trim() }) },
      })
      toast({ text: `Blocked ${data.host}${data.links === null ? '' : `. ${effectOf(data.links)}`}` })
    })
    if (!worked) return
    setAsked(false)
    forget()
    blocked()
    first.current?.focus()
  }

  return (
    <form class="line-form block-form" onSubmit={block} noValidate>
      <Field
        label="Block a host"
        input={first}
        value={host}
        placeholder="evil.example"
        inputMode="url"
        change={(text) => {
          clear()
          type({ host: text })
        }}
        fault={fault ?? faultOf('host', 'the host')}
        hint={
          name &&
          mentions !== undefined && (
            <>
              Subdomains are blocked too.{' '}
              <a href={`/console/links?${new URLSearchParams({ q: name })}`}>
                {mentions === 0
                  ? 'No link mentions it'
                  : mentions === 1
                    ? '1 link mentions it'
                    : `${count(mentions)} links mention it`}
              </a>
            </>
          )
        }
      />
      <Field
        label="Reason"
        value={reason}
        placeholder="optional"
        maxLength={500}
        change={(text) => type({ reason: text })}
        fault={faultOf('reason', 'the reason')}
      />
      <span class="buttons">
        <button type="submit" class="button danger" disabled={busy}>
          Block
        </button>
      </span>
      <Failure>{failure(['host', 'reason'])}</Failure>
    </form>
  )
}

const effectOf = (links: number) =>
  links === 0
    ? 'No links led there'
    : links === 1
      ? '1 link now returns 410'
      : `${links >= 10_000 ? 'Over ' : ''}${count(links)} links now return 410`

/** The host in the text, which may be a whole address; undefined if no host can be blocked. */
function nameIn(text: string): string | undefined {
  const host = /^(?:https?:\/\/)?(?:[^/?#@]*@)?([^/?#]+)/i.exec(text.trim())?.[1]?.replace(/:\d+$/, '')
  return host && /^[^\s]+$/.test(host) && /[.:]/.test(host) ? host : undefined
}

/** The number of links that mention the name, requested when typing pauses. */
function useMentions(name: string | undefined): number | undefined {
  const [found, setFound] = useState<{ name: string; links: number }>()
  useEffect(() => {
    if (!name) return
    const running = new AbortController()
    const timer = setTimeout(() => {
      const query = new URLSearchParams({ q: name.replace(/^\*?\./, ''), per_page: '1' })
      call('GET', `/urls?${query}`, { signal: running.signal }).then(
        ({ headers }) => setFound({ name, links: Number(headers.get('X-Total-Count')) }),
        () => {},
      )
    }, PAUSE)
    return () => {
      clearTimeout(timer)
      running.abort()
    }
  }, [name])
  return found && found.name === name ? found.links : undefined
}
