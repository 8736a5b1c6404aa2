// The pages of the console, in the order of the rail. `key` follows g: g l goes to the links.
import type { ComponentType } from 'preact'
import { Links } from '../links/links.tsx'

export type Page = {
  /** The first part of the path below /console; what follows it is the page's own. */
  path: string
  title: string
  key: string
  /** The scope without which the server would refuse everything on it. */
  needs: 'read' | 'admin'
  component: ComponentType
}

export const pages: Page[] = [{ path: 'links', title: 'Links', key: 'l', needs: 'read', component: Links }]

/** The page of a path; the first where there is none of that name. */
export const pageAt = (path: string): Page => pages.find((page) => page.path === path.split('/')[0]) ?? pages[0]!
