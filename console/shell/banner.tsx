import { useRef } from 'preact/hooks'
import { Countdown, useTicks } from '../kit/parts/time.tsx'
import type { BannerLine } from './condition.ts'

/** What is wrong, on every page. */
export function Banner({ lines, retry }: { lines: BannerLine[]; retry: () => void }) {
  return (
    <>
      <Spoken lines={lines} />
      {lines.length > 0 && (
        <section class="banner" aria-label="Problems">
          <ul>
            {lines.map((line) => (
              <Line key={keyOf(line)} line={line} retry={retry} />
            ))}
          </ul>
        </section>
      )}
    </>
  )
}

const keyOf = ({ cause, where }: BannerLine) => (cause === 'replica' ? `${cause} ${where}` : cause)

/** For screen readers: each cause once, with its first text. Later changes of times and counts are not read out. */
function Spoken({ lines }: { lines: BannerLine[] }) {
  const spoken = useRef(new Map<string, string>())
  const current = new Map(
    lines.map((line) => {
      const { where, text } = line
      return [keyOf(line), spoken.current.get(keyOf(line)) ?? `${where ? `${where}: ` : ''}${text}`]
    }),
  )
  spoken.current = current
  return (
    <div class="unseen" role="alert" aria-label="New problems" aria-atomic="false" aria-relevant="additions">
      {[...current].map(([cause, words]) => (
        <p key={cause}>{words}</p>
      ))}
    </div>
  )
}

function Line({ line: { tone, where, text, until, page, retryAt, heardAt }, retry }: { line: BannerLine; retry: () => void }) {
  return (
    <li class={tone}>
      <span class="sign" aria-hidden="true">
        {tone === 'bad' ? '■' : '▲'}
      </span>
      <span>
        {where && <span class="where">{where}: </span>}
        {text}
        {until && (
          <>
            , ends in <Countdown until={until} over="a moment" />.
          </>
        )}
        {heardAt !== undefined && <LastUpdate at={heardAt} />}
        {retryAt !== undefined && <Next at={retryAt} />}
      </span>
      {page && <a href={`/console/${page}`}>{page === 'alerts' ? 'Alerts' : 'Chaos'}</a>}
      {retryAt !== undefined && (
        <button type="button" class="link-button" onClick={retry}>
          Retry now
        </button>
      )}
    </li>
  )
}

function LastUpdate({ at }: { at: number }) {
  useTicks(1)
  return (
    <span class="figure" aria-live="off">
      {` Last update ${Math.round((Date.now() - at) / 1000)} s ago.`}
    </span>
  )
}

function Next({ at }: { at: number }) {
  useTicks(1)
  const seconds = Math.ceil((at - Date.now()) / 1000)
  return <span class="figure">{seconds > 0 ? ` Retry in ${seconds} s.` : ' Retrying…'}</span>
}
