import { useState } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import type { Link } from '../../src/links/schema.ts'
import { copyText } from '../kit/parts/copy.tsx'
import { download } from '../kit/parts/download.ts'
import { count } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { exportOf, linksCsv } from './csv.ts'
import { type Selected, useMany } from './many.ts'
import { TagMany } from './tag-many.tsx'

type Props = Selected & {
  /** Whether more match than are on the page. */
  more: boolean
  all: () => void
  changed: (link: Link) => void
  clear: () => void
  reload: () => void
}

/** Actions for all selected links, at the bottom of the page. */
export function Selection({ more, all, changed, clear, reload, ...selected }: Props) {
  const { links, every, filter, total } = selected
  const { working, those, turn, tag, erase } = useMany(selected, { changed, clear, reload })
  const [tagging, setTagging] = useState(false)
  if (links.length === 0) return null
  const copy = async () => {
    const copied = await copyText(links.map(({ short_url }) => short_url).join('\n'))
    toast(
      copied ? { text: `Copied ${counted(links.length, 'link')}` } : { tone: 'bad', text: 'The browser does not allow copying.' },
    )
  }
  return (
    <section class="selection" aria-label="Selected links">
      <span class="figure" role="status">
        {working ? 'Working…' : every ? `All ${total} that match are selected` : `${count(links.length)} selected`}
      </span>
      {more && !every && (
        <button type="button" class="link-button" onClick={all}>
          Select all {total} that match
        </button>
      )}
      <span class="buttons">
        <button type="button" class="button" disabled={working} onClick={() => turn(true)}>
          Activate
        </button>
        <button type="button" class="button" disabled={working} onClick={() => turn(false)}>
          Deactivate
        </button>
        <button type="button" class="button" disabled={working} onClick={() => setTagging(true)}>
          Tags…
        </button>
        {every ? (
          <a class="button" href={exportOf(filter)} download="links.csv">
            Export
          </a>
        ) : (
          <>
            <button type="button" class="button" onClick={copy}>
              Copy
            </button>
            <button
              type="button"
              class="button"
              onClick={() => download('links.csv', new Blob([linksCsv(links)], { type: 'text/csv' }))}
            >
              Export
            </button>
          </>
        )}
        <button type="button" class="button danger" disabled={working} onClick={erase}>
          Delete
        </button>
      </span>
      <button type="button" class="link-button" onClick={clear}>
        Clear
      </button>
      {tagging && <TagMany those={those} change={tag} close={() => setTagging(false)} />}
    </section>
  )
}
