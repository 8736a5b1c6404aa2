// Whether the server responds, and the moment when failed requests are worth a retry: then, rather than after their back-off.
import { useEffect, useRef, useState } from 'preact/hooks'

let heard = true
let known = 0
const renders = new Set<() => void>()
const works = new Set<(everything: boolean) => void>()

/** `hears`: the server responds. `databases`: the number of replicas that reach the database. A higher number than before triggers a retry. */
export function setConnection(hears: boolean, databases: number) {
  const better = (hears && !heard) || databases > known
  known = databases
  if (hears !== heard) {
    heard = hears
    for (const render of renders) render()
  }
  if (better && hears) recover(false)
}

/** Repeats every failed request; with `everything` all that is shown, because somebody else has signed in. */
export function recover(everything: boolean) {
  for (const work of [...works]) work(everything)
}

/** Calls `work` when a retry is worthwhile, or when everything has to be loaded again. */
export function useRecovery(work: (everything: boolean) => void) {
  const latest = useRef(work)
  latest.current = work
  useEffect(() => {
    const listener = (everything: boolean) => latest.current(everything)
    works.add(listener)
    return () => void works.delete(listener)
  }, [])
}

/** Whether the server responds. Renders again when that changes. */
export function useHeard(): boolean {
  const [, render] = useState(0)
  useEffect(() => {
    const listener = () => render((count) => count + 1)
    renders.add(listener)
    return () => void renders.delete(listener)
  }, [])
  return heard
}
