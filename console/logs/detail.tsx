import { CopyButton } from '../parts/copy.tsx'
import { fieldsOf, type Line, requestOf } from './line.ts'

type Props = {
  line: Line
  /** Shows the lines around it; undefined where they are shown. */
  inContext: (() => void) | undefined
  /** Shows what one request wrote, on every replica. */
  follow: (request: string) => void
  close: () => void
}

/** All that a line holds, and where it leads. */
export function Detail({ line, inContext, follow, close }: Props) {
  const request = requestOf(line)
  return (
    <section class="log-fields" aria-label="The open line">
      <div class="log-actions">
        {inContext && (
          <button type="button" class="button" onClick={inContext}>
            Lines around it
          </button>
        )}
        {request && (
          <button type="button" class="button" title={request} onClick={() => follow(request)}>
            Only this request
          </button>
        )}
        <CopyButton text={line.text} label="Copy as JSON" />
        <button type="button" class="button" onClick={close}>
          Close
        </button>
      </div>
      <dl>
        {fieldsOf(line).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{name === 'time' ? `${value} · ${new Date(line.at).toLocaleString()}` : value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
