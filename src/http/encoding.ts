// Chooses the encoding of a response by the Accept-Encoding header (RFC 9110, 12.5.3).

export type Encoding = 'br' | 'gzip' | 'identity'

/** The client's favourite of `available`, by its weights, then in the order given; undefined if it accepts none, not even identity. */
export function encodingFor(accepted: string | null, available: readonly Encoding[]): Encoding | undefined {
  if (accepted === null) return 'identity'
  const weights = new Map<string, number>()
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    if (!name) continue
    const weight = parameters.find((parameter) => /^q\s*=/.test(parameter))
    const value = weight ? Number(weight.replace(/^q\s*=\s*/, '')) : 1
    weights.set(name === 'x-gzip' ? 'gzip' : name, value >= 0 && value <= 1 ? value : 0)
  }
  const rest = weights.get('*')
  let best: Encoding | undefined
  let most = 0
  for (const encoding of available) {
    const weight = weights.get(encoding) ?? rest ?? 0
    if (weight > most) [best, most] = [encoding, weight]
  }
  // A client that does not mention identity accepts it, but prefers what it named.
  const plain = weights.get('identity') ?? (rest === 0 ? 0 : undefined)
  if (plain === undefined) return best ?? 'identity'
  return plain > most ? 'identity' : best
}
