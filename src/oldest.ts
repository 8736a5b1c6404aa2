/**
 * Gives a map's oldest key, which the caller deletes; undefined where there is none. It keeps its place in the map: `map.keys().next()` walks
 * anew over every key deleted since the map was last rehashed, 18 µs at 10,000 keys and 40 at 100,000, against 1.
 */
export function oldestOf<K>(map: Map<K, unknown>): () => K | undefined {
  let keys = map.keys()
  return () => {
    const next = keys.next()
    if (!next.done) return next.value
    keys = map.keys() // an iterator that has come to the end stays there
    return keys.next().value
  }
}
