// Headers of proxies: lists to which each proxy adds its entry on the right.

/**
 * The entry of a list that the outermost of `hops` trusted proxies wrote: that many from the right. Entries further left may be forged. With fewer
 * entries, or without proxies, the leftmost.
 */
export function entryOf(list: string, hops: number): string {
  let end = list.length
  let comma = list.lastIndexOf(',')
  for (let hop = 1; hop !== hops && comma > 0; hop++) {
    end = comma
    comma = list.lastIndexOf(',', comma - 1)
  }
  return list.slice(comma + 1, end).trim()
}

/** `for` or `proto` of the same entry in the Forwarded header (RFC 7239); undefined if the entry does not have it. */
export function forwardedParameter({ headers }: Request, name: 'for' | 'proto', hops: number): string | undefined {
  const list = headers.get('forwarded')
  return list === null ? undefined : PARAMETERS[name].exec(entryOf(list, hops))?.[1]
}

const PARAMETERS = { for: /(?:^|;)\s*for=("[^"]*"|[^;\s]*)/i, proto: /(?:^|;)\s*proto="?(\w+)/i }

/** The visitor's scheme at the outermost trusted proxy, in lower case, from X-Forwarded-Proto or else Forwarded; undefined if neither has it. */
export function forwardedScheme(request: Request, hops: number): string | undefined {
  const list = request.headers.get('x-forwarded-proto')
  const scheme = list === null ? forwardedParameter(request, 'proto', hops) : entryOf(list, hops)
  return scheme?.toLowerCase() || undefined
}
