// The pages of the console, in the order of the rail. `key` follows g: g l goes to the links.
import type { ComponentType } from 'preact'
import { About } from '../about/about.tsx'
import { Alerts } from '../alerts/alerts.tsx'
import { Blocklist } from '../blocklist/blocklist.tsx'
import { Chaos } from '../chaos/chaos.tsx'
import { Config } from '../config/config.tsx'
import { Events } from '../events/events.tsx'
import { Keys } from '../keys/keys.tsx'
import { Links } from '../links/links.tsx'
import { Logs } from '../logs/logs.tsx'
import { Overview } from '../overview/overview.tsx'
import { Users } from '../users/users.tsx'
import * as icons from './page-icons.tsx'

export type Page = {
  /** The first part of the path below /console; what follows it is the page's own. */
  path: string
  title: string
  key: string
  /** The scope without which the server would refuse everything on it. */
  needs: 'read' | 'admin'
  /** Open to a key that is bound to a user. */
  bound?: boolean
  component: ComponentType
  icon: ComponentType
  /** A line in the rail parts it from the page before. */
  apart?: boolean
}

// Keys: o overview, l links, u users, e events, x blocklist, k keys, g logs, a alerts, c chaos, f config, b about.
export const pages: Page[] = [
  { path: '', title: 'Overview', key: 'o', needs: 'read', component: Overview, icon: icons.Overview },
  { path: 'links', title: 'Links', key: 'l', needs: 'read', bound: true, component: Links, icon: icons.Links, apart: true },
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

/** The page of a path; undefined where there is none of that name. */
export const pageAt = (path: string): Page | undefined => pages.find((page) => page.path === path.split('/')[0])
