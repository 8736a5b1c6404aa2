/** The path of a code, with its slash, percent-encoded. */
export const pathOf = (code: string) => (PLAIN.test(code) ? `/${code}` : `/${code.split('/').map(encodeURIComponent).join('/')}`)

const PLAIN = /^[\w-]+$/
