// Deleting with Undo: the server deletes for good, so the request is sent only when the toast disappears. Rows leave the page at once.
import { useEffect, useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'
import { count } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError } from '../kit/server/api.ts'
import { deleteOnLeaving } from './bulk.ts'

type Named = Pick<Link, 'id' | 'short_code'>

const leaving = new Set<number>()
const listeners = new Set<() => void>()

/** Deletes links. Calls `back` after Undo, or if they could not be deleted. */
export function remove(links: Named[], back: () => void = () => {}) {
  move(links, true)
  const what = links.length === 1 ? links[0]!.short_code : `${count(links.length)} links`
  toast({
    text: `Deleted ${what}`,
    undo: () => {
      move(links, false)
      back()
    },
    done: async () => {
      try {
        await deleteOnLeaving(links.map(({ id }) => id))
      } catch (error) {
        move(links, false)
        back()
        toast({ tone: 'bad', text: `${what} could not be deleted: ${sentence(asApiError(error))}` })
      }
    },
  })
}

/** The ids of links that are being deleted, or are deleted. */
export function useLeaving(): ReadonlySet<number> {
  const [, render] = useState(0)
  useEffect(() => {
    const listener = () => render((count) => count + 1)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return leaving
}

function move(links: Named[], out: boolean) {
  for (const { id } of links) out ? leaving.add(id) : leaving.delete(id)
  for (const tell of listeners) tell()
}
