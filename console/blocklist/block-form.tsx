import type { RefObject } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { Blocked } from '../../src/blocklist/schema.ts'
import { Failure, Field } from '../parts/field.tsx'
import { count } from '../parts/figures.ts'
import { toast } from '../parts/toast.tsx'
import { call } from '../server/api.ts'
import { useAttempt } from '../server/attempt.ts'

const PAUSE = 300

/** Blocks a host; says beforehand how many links speak of it, and afterwards how many lead there. */
export function BlockForm({ first, blocked }: { first: RefObject<HTMLInputElement | null>; blocked: () => void }) {
  const [host, setHost] = useState('')
  const [reason, setReason] = useState('')
  const [asked, setAsked] = useState(false)
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const name = nameIn(host)
  const mentions = useMentions(name)

  const fault =
    host.trim() === '' ? (asked ? 'Which host?' : undefined) : !name ? 'The name or address of a host: evil.example' : undefined
  const block = async (event: Event) => {
    event.preventDefault()
    setAsked(true)
    if (!name || busy) return
    const worked = await run(async () => {
      const { data } = await call<Blocked>('POST', '/api/blocklist', {
        body: { host: name, ...(reason.trim() && { reason: reason.trim() }) },
      })
      toast({ text: `Blocked ${data.host}${data.links === null ? '' : `: ${said(data.links)} 410 now`}` })
    })
    if (!worked) return
    setAsked(false)
    setHost('')
    setReason('')
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
          setHost(text)
        }}
        fault={fault ?? faultOf('host', 'the host')}
        hint={
          name &&
          mentions !== undefined && (
            <>
              With all names below it.{' '}
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
        change={setReason}
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

const said = (links: number) =>
  links === 0
    ? 'no link led there, none answers'
    : links === 1
      ? '1 link answers'
      : `${links >= 10_000 ? 'over ' : ''}${count(links)} links answer`

/** The host in what somebody typed or pasted, a whole address too; undefined where there is none that can be blocked. */
function nameIn(text: string): string | undefined {
  const host = /^(?:https?:\/\/)?(?:[^/?#@]*@)?([^/?#]+)/i.exec(text.trim())?.[1]?.replace(/:\d+$/, '')
  return host && /^[^\s]+$/.test(host) && /[.:]/.test(host) ? host : undefined
}

/** How many links have the name somewhere: asked when the typing pauses. */
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
