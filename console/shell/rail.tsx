import { type Page, pages } from './pages.ts'

/** The names of the pages, at the left; at the bottom where it is narrow. */
export function Rail({ current }: { current: Page }) {
  return (
    <nav class="rail" aria-label="Pages">
      {pages.map(({ path, title }) => (
        <a key={path} href={`/console${path && `/${path}`}`} aria-current={path === current.path ? 'page' : undefined}>
          {title}
        </a>
      ))}
    </nav>
  )
}
