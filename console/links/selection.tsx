import { useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { copyText } from '../parts/copy.tsx'
import { download } from '../parts/download.ts'
import { count } from '../parts/figures.ts'
import { toast } from '../parts/toast.tsx'
import { sentence } from '../parts/trouble.tsx'
import { call } from '../server/api.ts'
import { each } from '../server/each.ts'
import { linksCsv } from './csv.ts'
import { remove } from './removal.ts'

type Props = {
  chosen: ReadonlyMap<number, Link>
  clear: () => void
  changed: (link: Link) => void
  reload: () => void
}

/** What can be done to all that are selected, at the foot of the page. */
export function Selection({ chosen, clear, changed, reload }: Props) {
  const [working, setWorking] = useState<{ done: number; of: number }>()
  const links = [...chosen.values()]
  if (links.length === 0) return null

  const turn = async (wanted: Link[], active: boolean) => {
    setWorking({ done: 0, of: wanted.length })
    const failed = await each(
      wanted,
      async ({ id }) => changed((await call<Link>('PATCH', `/urls/${id}`, { body: { is_active: active } })).data),
      (done) => setWorking({ done, of: wanted.length }),
    )
    setWorking(undefined)
    reload()
    return failed
  }
  const turnAll = async (active: boolean) => {
    const wanted = links.filter(({ is_active }) => is_active !== active)
    const word = active ? 'active' : 'inactive'
    if (wanted.length === 0) return toast({ text: `All of them are ${word} already` })
    const failed = await turn(wanted, active)
    const turned = wanted.filter((link) => !failed.some(({ item }) => item === link))
    if (turned.length > 0)
      toast({
        text: `${named(turned.length)} ${turned.length === 1 ? 'is' : 'are'} ${word} now`,
        undo: () => void turn(turned, !active),
      })
    if (failed.length > 0)
      toast({ tone: 'bad', text: `${named(failed.length)} could not be changed: ${sentence(failed[0]!.error)}` })
  }

  return (
    <section class="selection" aria-label="Selected links">
      <span class="figure" role="status">
        {working ? `${count(working.done)} of ${count(working.of)} done` : `${count(links.length)} selected`}
      </span>
      <span class="buttons">
        <button type="button" class="button" disabled={working !== undefined} onClick={() => turnAll(true)}>
          Activate
        </button>
        <button type="button" class="button" disabled={working !== undefined} onClick={() => turnAll(false)}>
          Deactivate
        </button>
        <button
          type="button"
          class="button"
          onClick={async () => {
            const copied = await copyText(links.map(({ short_url }) => short_url).join('\n'))
            toast(
              copied
                ? { text: `Copied ${named(links.length)}` }
                : { tone: 'bad', text: 'This browser does not let a page copy.' },
            )
          }}
        >
          Copy
        </button>
        <button
          type="button"
          class="button"
          onClick={() => download('links.csv', new Blob([linksCsv(links)], { type: 'text/csv' }))}
        >
          Export
        </button>
        <button
          type="button"
          class="button danger"
          disabled={working !== undefined}
          onClick={() => {
            clear()
            remove(links, reload)
          }}
        >
          Delete
        </button>
      </span>
      <button type="button" class="link-button" onClick={clear}>
        Clear
      </button>
    </section>
  )
}

const named = (links: number) => `${count(links)} ${links === 1 ? 'link' : 'links'}`
