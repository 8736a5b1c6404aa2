import { useState } from 'preact/hooks'
import type { Link } from '../../src/links/schema.ts'

/** The links that are selected: some, or `every` one that matches, also on other pages. */
export function useChosen() {
  const [chosen, setChosen] = useState<ReadonlyMap<number, Link>>(new Map())
  const [every, setEvery] = useState(false)
  return {
    chosen,
    every,
    choose(links: Link[], on: boolean) {
      const next = new Map(chosen)
      for (const link of links) on ? next.set(link.id, link) : next.delete(link.id)
      setChosen(next)
      setEvery(false)
    },
    chooseEvery: () => setEvery(true),
    /** A link that may be among them is different now. */
    renew: (link: Link) => setChosen((known) => (known.has(link.id) ? new Map(known).set(link.id, link) : known)),
    clear() {
      setChosen(new Map())
      setEvery(false)
    },
  }
}
