/** "High error rate" for high_error_rate. */
export const titleOf = (name: string) => `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll('_', ' ')}`

const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

export const figure = (value: number) => short.format(value)
