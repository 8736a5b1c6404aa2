import { pathOf } from '../../src/base/code-path.ts'
import { visible } from '../../src/base/visible.ts'
import type { Link } from '../../src/links/schema.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { followable, parts } from '../kit/parts/figures.ts'
import { Tags } from '../kit/parts/tags.tsx'
import { Text } from '../kit/parts/text.tsx'
import { LinkState } from './state.tsx'

/** A link in two lines: its title, or else the host of its target; below it the short URL and the target. */
export function Named({ link }: { link: Link }) {
  const { id, title, short_code, short_url, original_url, tags } = link
  return (
    <>
      <span class="link-line">
        <a class="name" href={`/console/links/${id}`} title={title ? visible(title) : undefined}>
          <Text of={title ?? parts(original_url).host} />
          {!title && <span class="unseen"> {short_code}</span>}
        </a>
        <LinkState link={link} />
        <Tags of={tags} />
      </span>
      <span class="link-line">
        <ShortUrl url={short_url} code={short_code} />
        <CopyButton text={short_url} />
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <Target url={original_url} />
      </span>
    </>
  )
}

/** go.example/abc, with the part that counts in front. */
export function ShortUrl({ url, code }: { url: string; code: string }) {
  const text = url.replace(/^https?:\/\//, '')
  return (
    <span class="short-url" title={text}>
      <span class="quiet host">{text.slice(0, 1 - pathOf(code).length)}</span>
      <b class="code">
        <Text of={code} />
      </b>
    </span>
  )
}

/** The target of a link; clickable only if that is safe. */
export function Target({ url }: { url: string }) {
  const { host, rest } = parts(url)
  return (
    <a class="target" href={followable(url)} target="_blank" rel="noreferrer" title={visible(url)}>
      <Text of={host} />
      <span class="quiet">
        <Text of={rest} />
      </span>
    </a>
  )
}
