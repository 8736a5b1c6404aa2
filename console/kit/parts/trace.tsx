import type { ComponentChildren } from 'preact'

/** The title of a page that belongs to a list: a link back to that, and a name. */
export const Trace = ({ path, list, children }: { path: string; list: string; children: ComponentChildren }) => (
  <span class="trace">
    <a href={`/console/${path}`}>{list}</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    {children}
  </span>
)
