import type { Link } from '../../src/links/schema.ts'
import { Bin, Pen, Power, Qr } from '../kit/parts/icons.tsx'
import { Menu } from '../kit/parts/menu.tsx'
import { may } from '../kit/server/scope.ts'
import { useTurn } from './switch.tsx'

type Props = {
  link: Link
  edited: boolean
  /** Opens its form; undefined closes it. */
  edit: (id: number | undefined) => void
  /** Shows its QR code. */
  code: () => void
  changed: (link: Link) => void
  remove: (link: Link) => void
}

/** The actions for one row of the list. */
export function Actions({ link, edited, edit, code, changed, remove }: Props) {
  const { turn } = useTurn(changed)
  const writes = may('write', { bound: true })
  const items = [{ word: 'QR code', icon: <Qr />, act: code }]
  if (writes)
    items.push(
      { word: link.is_active ? 'Deactivate' : 'Activate', icon: <Power />, act: () => void turn(link) },
      { word: 'Delete', icon: <Bin />, act: () => remove(link) },
    )
  return (
    <>
      {writes && (
        <button
          type="button"
          class="quiet-button"
          aria-label={`Edit ${link.short_code}`}
          title="Edit"
          aria-expanded={edited}
          onClick={() => edit(edited ? undefined : link.id)}
        >
          <Pen />
        </button>
      )}
      <Menu label={`More actions for ${link.short_code}`} items={items} />
    </>
  )
}
