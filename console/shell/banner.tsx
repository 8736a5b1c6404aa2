import { Countdown, useTicks } from '../parts/time.tsx'
import type { Notice } from './condition.ts'

/** Why not all is well, on every page. */
export function Banner({ notices, retry }: { notices: Notice[]; retry: () => void }) {
  return (
    <div class="banner-place" role="alert" aria-label="What is wrong">
      {notices.length > 0 && (
        <div class="banner">
          <ul>
            {notices.map((notice) => (
              <Line key={`${notice.where} ${notice.text}`} notice={notice} retry={retry} />
            ))}
          </ul>
        </div>
      )}
    </div>
  )
}

function Line({ notice: { tone, where, text, until, page, retryAt }, retry }: { notice: Notice; retry: () => void }) {
  return (
    <li class={tone}>
      <span class="sign" aria-hidden="true">
        {tone === 'bad' ? '■' : '▲'}
      </span>
      <span>
        {where && <span class="where">{where}: </span>}
        {text}
        {until && (
          <span aria-live="off">
            {' '}
            Ends in <Countdown until={until} />.
          </span>
        )}
        {retryAt !== undefined && <Next at={retryAt} />}
      </span>
      {page && <a href={`/console/${page}`}>{page === 'alerts' ? 'Alerts' : 'Chaos'}</a>}
      {retryAt !== undefined && (
        <button type="button" class="link-button" onClick={retry}>
          Try now
        </button>
      )}
    </li>
  )
}

function Next({ at }: { at: number }) {
  useTicks(1)
  const seconds = Math.ceil((at - Date.now()) / 1000)
  return (
    <span class="figure" aria-live="off">
      {seconds > 0 ? ` Next try in ${seconds} s.` : ' Trying…'}
    </span>
  )
}
