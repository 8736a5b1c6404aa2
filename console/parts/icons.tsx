// Drawn on a grid of 16, one line weight.
const icon = (path: string) => () => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
    <path d={path} />
  </svg>
)

export const Copy = icon('M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8z')
export const Tick = icon('M3 8.5l3.5 3.5L13 4.5')
export const Bin = icon('M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4')
export const Search = icon('M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.5 10.5l3.5 3.5')
export const Back = icon('M9.5 3.5L5 8l4.5 4.5')
export const Forward = icon('M6.5 3.5L11 8l-4.5 4.5')
export const Cross = icon('M4 4l8 8M12 4l-8 8')

/** The mark: a post with two boards. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
    <path d="M7.25 1h1.5v1.5H12l2 2-2 2H8.75V8H12v4H8.75v3h-1.5v-3H4l-2-2 2-2h3.25V6.5H4v-4h3.25z" />
  </svg>
)
