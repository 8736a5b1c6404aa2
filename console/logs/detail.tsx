import { CopyButton } from '../kit/parts/copy.tsx'
import { fieldsOf, type Line, requestOf } from './line.ts'

type Props = {
  line: Line
  /** Shows the lines around it; undefined if they are shown already. */
  inContext: (() => void) | undefined
  /** Shows all lines of one request, from every replica. */
  follow: (request: string) => void
  close: () => void
}

/** All fields of a line, and actions for it. */
export function Detail({ line, inContext, follow, close }: Props) {
  const request = requestOf(line)
  return (
    <section class="log-fields" aria-label="Line details">
      <div class="log-actions">
        {inContext && (
          <button type="button" class="button" onClick={inContext}>
            Show context
          </button>
        )}
        {request && (
          <button type="button" class="button" title={request} onClick={() => follow(request)}>
            Trace request
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
