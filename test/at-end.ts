// What tests and benchmarks leave behind, put away at their end. `bun test` never emits `exit`: preload.ts calls it instead.
const works = new Set<() => void>()

/** Runs `work` once when the process ends; returns what calls it off. */
export function atEnd(work: () => void): () => void {
  works.add(work)
  return () => void works.delete(work)
}

export function putAway() {
  for (const work of [...works].reverse()) work() // a mount goes before its folder
  works.clear()
}

process.once('exit', putAway)
