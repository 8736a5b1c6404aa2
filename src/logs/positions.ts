// How far the log of each replica was read, as text: `5f0c9a21.1042,88be03d7.977`. Used as the id of events and as a value of `after`.

/** The last 8 digits of a replica's id: they are random, and enough to distinguish 64 replicas. */
const shortOf = (replica: string) => replica.slice(-8)

const SHAPE = /^[\w-]{1,8}\.\d{1,15}(,[\w-]{1,8}\.\d{1,15}){0,199}$/

/** `positions`: the last sequence of each replica. */
export const positionsText = (positions: ReadonlyMap<string, number>) =>
  [...positions].map(([replica, sequence]) => `${shortOf(replica)}.${sequence}`).join(',')

/** The sequence up to which `replica` was read, -1 if it is not listed; undefined if `text` is not a list of positions. */
export function positionIn(text: string | undefined, replica: string): number | undefined {
  if (!text || !SHAPE.test(text)) return undefined
  const own = text.split(',').find((one) => one.startsWith(`${shortOf(replica)}.`))
  return own === undefined ? -1 : Number(own.slice(own.indexOf('.') + 1))
}
