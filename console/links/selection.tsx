import { useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { copyText } from '../kit/parts/copy.tsx'
import { download } from '../kit/parts/download.ts'
import { count } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { call } from '../kit/server/api.ts'
import { each } from '../kit/server/each.ts'
import { linksCsv } from './csv.ts'
import { remove } from './removal.ts'

type Props = {
  chosen: ReadonlyMap<number, Link>
  clear: () => void
  changed: (link: Link) => void
  reload: () => void
}

/** Actions for all selected links, at the bottom of the page. */
export function Selection({ chosen, clear, changed, reload }: Props) {
  const [working, setWorking] = useState<{ done: number; of: number }>()
  const links = [...chosen.values()]
  if (links.length === 0) return null

  const turn = async (targets: Link[], active: boolean) => {
    setWorking({ done: 0, of: targets.length })
    const failed = await each(
      targets,
      async ({ id }) => changed((await call<Link>('PATCH', `/urls/${id}`, { body: { is_active: active } })).data),
      (done) => setWorking({ done, of: targets.length }),
    )
    setWorking(undefined)
    reload()
    return failed
  }
  const turnAll = async (active: boolean) => {
    const targets = links.filter(({ is_active }) => is_active !== active)
    if (targets.length === 0) return toast({ text: `All selected links are already ${active ? 'active' : 'inactive'}` })
    const failed = await turn(targets, active)
    const turned = targets.filter((link) => !failed.some(({ item }) => item === link))
    if (turned.length > 0)
      toast({
        text: `${active ? 'Activated' : 'Deactivated'} ${named(turned.length)}`,
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
              copied ? { text: `Copied ${named(links.length)}` } : { tone: 'bad', text: 'The browser does not allow copying.' },
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
