// The actions for all selected links at once, and their messages.
import { useState } from 'preact/hooks'
import { counted } from '../../src/base/counted.ts'
import type { Link, LinkChange, Outcome } from '../../src/links/schema.ts'
import { confirm } from '../kit/parts/dialog.tsx'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError } from '../kit/server/api.ts'
import { changeMany, deleteMany, type Which } from './bulk.ts'
import { remove } from './removal.ts'

export type Selected = {
  links: Link[]
  /** All that match `filter` are selected, of which `links` are only some; `total` says how many. */
  every: boolean
  filter: Record<string, string>
  total: string
}
type Options = { changed: (link: Link) => void; clear: () => void; reload: () => void }

export function useMany({ links, every, filter, total }: Selected, { changed, clear, reload }: Options) {
  const [working, setWorking] = useState(false)
  const those = every ? `${total} links` : counted(links.length, 'link')

  const attempt = async (work: () => Promise<Outcome>): Promise<Outcome | undefined> => {
    setWorking(true)
    try {
      return await work()
    } catch (error) {
      toast({ tone: 'bad', text: `Not all of ${those} could be changed: ${sentence(asApiError(error))}` })
    } finally {
      setWorking(false)
      reload()
    }
  }

  const change = async (which: Which, set: LinkChange, word: string, undo?: () => void) => {
    const outcome = await attempt(() => changeMany(which, set))
    if (outcome) toast({ text: `${word} ${counted(outcome.changed, 'link')}`, undo })
    return outcome
  }
  const show = (some: Link[], is_active: boolean) => {
    for (const link of some) changed({ ...link, is_active })
  }

  const turn = async (is_active: boolean) => {
    const word = is_active ? 'Activate' : 'Deactivate'
    if (every) {
      const text = 'All that match are changed, also on other pages.'
      if (await confirm({ title: `${word} ${those}?`, text, action: word })) await change({ filter }, { is_active }, `${word}d`)
      return
    }
    const some = links.filter((link) => link.is_active !== is_active)
    if (some.length === 0) return toast({ text: `All selected links are already ${is_active ? 'active' : 'inactive'}` })
    const ids = some.map(({ id }) => id)
    const undo = async () => (await attempt(() => changeMany({ ids }, { is_active: !is_active }))) && show(some, !is_active)
    if (await change({ ids }, { is_active }, `${word}d`, undo)) show(some, is_active)
  }

  /** Changes tags: those that a link has already, or has not, stay as they are. */
  const tag = (set: LinkChange) => change(every ? { filter } : { ids: links.map(({ id }) => id) }, set, 'Changed the tags of')

  const erase = async () => {
    if (!every) {
      clear()
      return remove(links, reload)
    }
    const text = 'All that match are deleted, also on other pages. Nobody can undo this, and their codes are never issued again.'
    if (!(await confirm({ title: `Delete ${those}?`, text, action: 'Delete', danger: true, type: 'delete' }))) return
    const outcome = await attempt(() => deleteMany({ filter }))
    if (!outcome) return
    clear()
    toast({ text: `Deleted ${counted(outcome.changed, 'link')}` })
  }
  return { working, those, turn, tag, erase }
}
