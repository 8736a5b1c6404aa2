// The icons of the pages, drawn like those of kit/parts/icons.tsx.
import { icon } from '../kit/parts/icons.tsx'

export const Overview = icon('M2 12.5h12M3.5 10.5l3-4 2.5 2 4-5.5')
export const Links = icon('M6.5 9.5l3-3M7 4.5l1.2-1.2a2.8 2.8 0 0 1 4 4L11 8.5M9 11.5l-1.2 1.2a2.8 2.8 0 0 1-4-4L5 7.5')
export const Tags = icon('M2.5 3h5l6 6-4.5 4.5-6.5-6zM5.3 5.8v.01')
export const Users = icon('M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM3 13.5c.4-2.6 2.4-4 5-4s4.6 1.4 5 4')
export const Events = icon('M2.5 8h2.5l2-4.5 2.5 9 2-4.5h2')
export const Blocklist = icon('M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM3.8 3.8l8.4 8.4')
export const Keys = icon('M10 9a3 3 0 1 0-2.8-2L2.5 11.7v1.8h2.3v-1.5h1.5v-1.5l1-1c.7.3 1.5.5 2.7-.5zM10.8 5.2v.01')
export const Logs = icon('M2.5 4h11M2.5 8h8M2.5 12h9.5')
export const Alerts = icon('M4 11V7a4 4 0 0 1 8 0v4l1 1H3zM6.7 14h2.6')
export const Chaos = icon('M8.8 1.8L3.5 9h4l-.8 5.2L12.5 7h-4z')
export const Config = icon(
  'M2.5 5h6M11.5 5h2M2.5 11h2M7.5 11h6M10 6.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3zM6 12.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3z',
)
export const About = icon('M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3v3.7M8 5v.01')
