/** The path of a code, with its slash, percent-encoded. */
export const pathOf = (code: string) => `/${code.split('/').map(encodeURIComponent).join('/')}`
