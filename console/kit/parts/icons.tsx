// Drawn on a grid of 16, one line weight.
export const icon = (path: string) => () => (
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
export const More = icon('M3 3h3.5v3.5H3zM9.5 3H13v3.5H9.5zM3 9.5h3.5V13H3zM9.5 9.5H13V13H9.5z')
export const Sun = icon(
  'M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6zM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7',
)
export const Moon = icon('M13.5 9.5A5.7 5.7 0 0 1 6.5 2.5a5.7 5.7 0 1 0 7 7z')
export const System = icon('M2.5 3.5h11v7h-11zM6 13.5h4M8 10.5v3')
export const Grid = icon('M2.5 3.5h11v9h-11zM2.5 6.5h11M2.5 9.5h11M6.5 3.5v9')
export const Line = icon('M2.5 12.5h11M3 10l3-3.5 2.5 2L13 3.5')
export const Enter = icon('M13 4v4.5H4M6.5 6L4 8.5 6.5 11')
export const Pen = icon('M3 13l.6-2.9L11 2.7l2.3 2.3-7.4 7.4zM9.5 4.2l2.3 2.3')
export const Qr = icon('M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h1.5M13.5 9.5v2M11 12v1.5h2.5')
export const Dots = icon(
  'M3 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0M7.5 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0M12 8a.5.5 0 1 0 1 0 .5.5 0 1 0-1 0',
)
export const Power = icon('M8 2v6M4.8 4.2a5 5 0 1 0 6.4 0')
export const Again = icon('M3.2 9.5a5 5 0 1 0 1-5L2.5 6.2M2.5 2.8v3.4h3.4')
export const Down = icon('M8 2.5v8M4.8 7.5L8 10.7l3.2-3.2M2.5 13.5h11')
export const Up = icon('M8 10.5v-8M4.8 5.5L8 2.3l3.2 3.2M2.5 13.5h11')

/** The mark: a post with two boards. */
export const Mark = () => (
  <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
    <path d="M7.25 1h1.5v1.5H12l2 2-2 2H8.75V8H12v4H8.75v3h-1.5v-3H4l-2-2 2-2h3.25V6.5H4v-4h3.25z" />
  </svg>
)
