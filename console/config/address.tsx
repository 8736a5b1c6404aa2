import { State } from '../parts/state.tsx'

/** Who asks, as the server sees it. */
export type Caller = {
  address: string
  found_in: string
  connection: string
  forwarded_for: string | null
  trusted_proxies: number
  /** What looks wrong about it. */
  note: string | null
}

/** What limits and statistics take the reader for: behind a proxy that is not counted it would be the proxy. */
export const Address = ({ address, found_in, connection, forwarded_for, trusted_proxies, note }: Caller) => (
  <section class="address-seen" aria-label="Your address as seen">
    <dl class="particulars">
      <div>
        <dt>Your address as seen</dt>
        <dd>
          <code class="big">{address || 'none'}</code>
        </dd>
      </div>
      <div>
        <dt>Found in</dt>
        <dd>{found_in === 'connection' ? 'the connection' : found_in}</dd>
      </div>
      <div>
        <dt>Connection from</dt>
        <dd>
          <code>{connection || 'unknown'}</code>
        </dd>
      </div>
      <div>
        <dt>X-Forwarded-For</dt>
        <dd>{forwarded_for === null ? <span class="quiet">none came</span> : <code>{forwarded_for}</code>}</dd>
      </div>
      <div>
        <dt>TRUSTED_PROXIES</dt>
        <dd class="figure">{trusted_proxies}</dd>
      </div>
    </dl>
    {note && (
      <p class="address-note">
        <State tone="warn">{note.charAt(0).toUpperCase() + note.slice(1)}.</State>
      </p>
    )}
  </section>
)
