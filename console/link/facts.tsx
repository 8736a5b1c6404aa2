import type { ComponentChildren } from 'preact'
import type { Link } from '../../src/links/schema.ts'
import { Tags } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { Time } from '../kit/parts/time.tsx'
import { may } from '../kit/server/scope.ts'
import { ShortUrl, Target } from '../links/named.tsx'
import { Switch } from '../links/switch.tsx'
import { Owner } from './owner.tsx'
import { Rules } from './rules.tsx'

/** Everything about a link, except its clicks. */
export function Facts({ link, zone, changed }: { link: Link; zone: string; changed: (link: Link) => void }) {
  return (
    <>
      <dl class="link-facts">
        <Fact name="Short URL" wide>
          <a href={link.short_url} target="_blank" rel="noreferrer">
            <ShortUrl url={link.short_url} code={link.short_code} />
          </a>
        </Fact>
        <Fact name="Target" wide>
          <Target url={link.original_url} />
        </Fact>
        <Fact name="Title">{link.title === null ? <span class="quiet">none</span> : <Text of={link.title} />}</Fact>
        <Fact name="Tags">{link.tags.length === 0 ? <span class="quiet">none</span> : <Tags of={link.tags} />}</Fact>
        <Fact name="Active">
          <Switch link={link} changed={changed} disabled={!may('write', { bound: true })} />
        </Fact>
        <Fact name="User">{link.user_id === null ? <span class="quiet">No owner</span> : <Owner id={link.user_id} />}</Fact>
        <Fact name="Created">
          <Time at={link.created_at} />
        </Fact>
        <Fact name="Updated">
          <Time at={link.updated_at} />
        </Fact>
        {link.note !== null && (
          <Fact name="Note" wide>
            <span class="note-text">
              <Text of={link.note} />
            </span>
          </Fact>
        )}
      </dl>
      <Rules link={link} zone={zone} />
    </>
  )
}

const Fact = ({ name, wide, children }: { name: string; wide?: boolean; children: ComponentChildren }) => (
  <div class={wide ? 'wide' : undefined}>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)
