// The pages of the console, in the order of the rail. `key` is the letter after g: g l opens the links.
import type { ComponentType } from 'preact'
import { About } from '../about/about.tsx'
import { Alerts } from '../alerts/alerts.tsx'
import { Blocklist } from '../blocklist/blocklist.tsx'
import { Chaos } from '../chaos/chaos.tsx'
import { Config } from '../config/config.tsx'
import { Events } from '../events/events.tsx'
import { Keys } from '../keys/keys.tsx'
import { may } from '../kit/server/scope.ts'
import { session } from '../kit/server/session.ts'
import { LinkPage } from '../link/link.tsx'
import { Links } from '../links/links.tsx'
import { Logs } from '../logs/logs.tsx'
import { Overview } from '../overview/overview.tsx'
import { TagPage } from '../tags/tag.tsx'
import { Tags } from '../tags/tags.tsx'
import { Users } from '../users/users.tsx'
import * as icons from './page-icons.tsx'

export type Page = {
  /** The first part of the path below /console. The page reads the rest. */
  path: string
  title: string
  key: string
  /** Without this scope, the server would refuse everything on the page. */
  needs: 'read' | 'admin'
  /** Open to a key that is bound to a user or a tag. */
  bound?: boolean
  component: ComponentType
  /** The page of one row, at /console/links/42. */
  one?: ComponentType<{ id: string }>
  /** The last word of an address below it that is no row. */
  own?: string
  icon: ComponentType
  /** A line in the rail separates it from the page before. */
  apart?: boolean
}

export const pages: Page[] = [
  { path: '', title: 'Overview', key: 'o', needs: 'read', component: Overview, icon: icons.Overview },
  {
    path: 'links',
    title: 'Links',
    key: 'l',
    needs: 'read',
    bound: true,
    component: Links,
    one: LinkPage,
    own: 'new',
    icon: icons.Links,
    apart: true,
  },
  { path: 'tags', title: 'Tags', key: 't', needs: 'read', bound: true, component: Tags, one: TagPage, icon: icons.Tags },
  { path: 'users', title: 'Users', key: 'u', needs: 'read', bound: true, component: Users, icon: icons.Users },
  { path: 'events', title: 'Events', key: 'e', needs: 'read', bound: true, component: Events, icon: icons.Events },
  { path: 'blocklist', title: 'Blocklist', key: 'x', needs: 'read', component: Blocklist, icon: icons.Blocklist },
  { path: 'logs', title: 'Logs', key: 'g', needs: 'read', component: Logs, icon: icons.Logs, apart: true },
  { path: 'alerts', title: 'Alerts', key: 'a', needs: 'read', component: Alerts, icon: icons.Alerts },
  { path: 'chaos', title: 'Chaos', key: 'c', needs: 'read', component: Chaos, icon: icons.Chaos },
  { path: 'keys', title: 'Keys', key: 'k', needs: 'admin', component: Keys, icon: icons.Keys, apart: true },
  { path: 'config', title: 'Config', key: 'f', needs: 'admin', component: Config, icon: icons.Config },
  { path: 'about', title: 'About', key: 'b', needs: 'read', component: About, icon: icons.About },
]

/** Whether the caller may see anything on it. */
export const isOffered = ({ needs, bound }: Page, caller = session.offered) => may(needs, { bound }, caller)

/** The page of a path; undefined if there is no such page. */
export const pageAt = (path: string): Page | undefined => pages.find((page) => page.path === path.split('/')[0])
