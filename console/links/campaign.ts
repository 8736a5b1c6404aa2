// The UTM parameters of a target. They are in its text and nowhere else; the rest of the text stays as it is, to the letter.

export const CAMPAIGN = [
  ['utm_source', 'Source', 'newsletter'],
  ['utm_medium', 'Medium', 'email'],
  ['utm_campaign', 'Campaign', 'spring-sale'],
  ['utm_term', 'Term', ''],
  ['utm_content', 'Content', ''],
] as const

/** The value of the parameter; '' if the target has none. */
export function valueIn(target: string, name: string): string {
  const found = split(target).parameters.find((part) => nameOf(part) === name)
  const value = found?.slice(name.length + 1).replaceAll('+', ' ') ?? ''
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** The target with the parameter replaced, or added after the others; '' removes it. */
export function withValue(target: string, name: string, value: string): string {
  const { head, parameters, fragment } = split(target)
  const part = value && `${name}=${encodeURIComponent(value.toWellFormed())}`
  const at = parameters.findIndex((one) => nameOf(one) === name)
  const others = parameters.filter((one) => nameOf(one) !== name)
  const next = part ? others.toSpliced(at < 0 ? others.length : at, 0, part) : others
  return `${head}${next.length > 0 ? `?${next.join('&')}` : ''}${fragment}`
}

const nameOf = (part: string) => part.split('=')[0]

function split(target: string) {
  const [, head = '', query, fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/s.exec(target) ?? []
  return { head, parameters: query ? query.split('&') : [], fragment }
}
