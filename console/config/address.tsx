import type { Caller } from '../../src/server/about/schema.ts'
import { State } from '../kit/parts/state.tsx'
import { Text } from '../kit/parts/text.tsx'

/** The address that limits and statistics use for the reader: behind an uncounted proxy it would be the proxy's. */
export const Address = ({ address, found_in, connection, forwarded_for, trusted_proxies, note }: Caller) => (
  <section class="address-seen" aria-label="Your IP address">
    <dl class="particulars">
      <div>
        <dt>Your IP address</dt>
        <dd>
          <code class="big">{address || 'none'}</code>
        </dd>
      </div>
      <div>
        <dt>Taken from</dt>
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
        <dd>
          {forwarded_for === null ? (
            <span class="quiet">none sent</span>
          ) : (
            <code>
              <Text of={forwarded_for} />
            </code>
          )}
        </dd>
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
