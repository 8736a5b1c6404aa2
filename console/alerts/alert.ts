/** How an alert stands. `unit` and `test` say more where the server does. */
export type Standing = {
  name: string
  state: 'ok' | 'firing'
  since: string
  value: number
  threshold: number
  help: string
  unit?: string
  /** It only fires because it is tried out. */
  test?: boolean
}

/** high_error_rate is "High error rate". */
export const titleOf = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll('_', ' ')}`

const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

export const figure = (value: number) => short.format(value)
