import { useEffect, useState } from 'preact/hooks'
import { Dialog } from '../kit/parts/dialog.tsx'
import { More } from '../kit/parts/icons.tsx'
import { session, useSession } from '../kit/server/session.ts'
import { isOffered, type Page, pages } from './pages.ts'
import { signOut } from './sign-out.ts'
import { ThemeChoice } from './theme-choice.tsx'

/** Shown on narrow screens; the others are behind More. */
const IN_SIGHT = ['', 'links', 'logs', 'alerts']

/** The names of the pages, on the left; at the bottom on narrow screens. Their letters show while g waits for one. */
export function Rail({ current, jumping }: { current: Page | undefined; jumping: boolean }) {
  const [more, setMore] = useState(false)
  const allowed = useAllowed()
  useEffect(() => setMore(false), [current])
  const hidden = allowed.filter(({ path }) => !IN_SIGHT.includes(path))
  return (
    <nav class={jumping ? 'rail jumping' : 'rail'} aria-label="Pages">
      {allowed.map((page, place) => (
        <Way
          key={page.path}
          page={page}
          current={page === current}
          late={hidden.includes(page)}
          apart={isApart(page, allowed[place - 1])}
        />
      ))}
      {hidden.length > 0 && (
        <button
          type="button"
          class={hidden.includes(current!) ? 'more current' : 'more'}
          aria-haspopup="dialog"
          onClick={() => setMore(true)}
        >
          <More />
          More
        </button>
      )}
      {more && (
        <Dialog title="More" close={() => setMore(false)} class="more-pages">
          <div class="ways">
            {hidden.map((page) => (
              <Way key={page.path} page={page} current={page === current} />
            ))}
          </div>
          <ThemeChoice />
          <div class="ways">
            <a href="/swagger">API</a>
            {session.caller?.by === 'session' && (
              <button type="button" class="link-button" onClick={signOut}>
                Sign out
              </button>
            )}
          </div>
        </Dialog>
      )}
    </nav>
  )
}

/** Whether a line separates it from the one before: a page between the two, or itself, begins a group. */
const isApart = (page: Page, before: Page | undefined) =>
  before !== undefined && pages.slice(pages.indexOf(before) + 1, pages.indexOf(page) + 1).some(({ apart }) => apart)

type WayProps = { page: Page; current: boolean; late?: boolean; apart?: boolean }

function Way({ page, current, late = false, apart = false }: WayProps) {
  const { path, title, key, icon: Icon } = page
  return (
    <a
      href={`/console${path && `/${path}`}`}
      class={`${apart ? 'apart' : ''} ${late ? 'late' : ''}`}
      aria-current={current ? 'page' : undefined}
      aria-keyshortcuts={`g ${key}`}
    >
      <Icon />
      <span>{title}</span>
      <kbd>{key}</kbd>
    </a>
  )
}

/** The pages that the caller may see. */
export function useAllowed(): Page[] {
  const { caller } = useSession()
  return pages.filter((page) => isOffered(page, caller))
}
