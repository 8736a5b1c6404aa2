import { useEffect, useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { More } from '../parts/icons.tsx'
import { may } from '../server/scope.ts'
import { session, useSession } from '../server/session.ts'
import { type Page, pages } from './pages.ts'
import { signOut } from './sign-out.ts'
import { ThemeChoice } from './theme-choice.tsx'

/** Where it is narrow; the others are behind More. */
const IN_SIGHT = ['', 'links', 'logs', 'alerts']

/** The names of the pages, at the left; at the bottom where it is narrow. Their letters show while g waits for one. */
export function Rail({ current, jumping }: { current: Page | undefined; jumping: boolean }) {
  const [more, setMore] = useState(false)
  const allowed = useAllowed()
  useEffect(() => setMore(false), [current])
  const hidden = allowed.filter(({ path }) => !IN_SIGHT.includes(path))
  return (
    <nav class={jumping ? 'rail jumping' : 'rail'} aria-label="Pages">
      {allowed.map((page) => (
        <Way key={page.path} page={page} current={page === current} late={hidden.includes(page)} />
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

function Way({ page, current, late = false }: { page: Page; current: boolean; late?: boolean }) {
  const { path, title, key, apart, icon: Icon } = page
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

/** The pages that the caller may see anything on. */
export function useAllowed(): Page[] {
  const { caller } = useSession()
  return pages.filter(({ needs, bound }) => may(needs, { bound }, caller))
}
