import { counted } from '../../src/base/counted.ts'
import { CopyButton } from '../kit/parts/copy.tsx'
import { completed, EMPTY } from './draft.ts'
import { faultsOf } from './faults.ts'
import { useFound } from './found.ts'
import { ShortUrl } from './named.tsx'

/** While a target is typed, shows a link that leads there already. The form can create another one nonetheless. */
export function Known({ target }: { target: string }) {
  const valid = faultsOf({ ...EMPTY, target }, '', true).target === undefined
  const link = useFound(valid ? { target: completed(target), order: 'desc' } : undefined)
  return (
    <div class="known" role="status">
      {link && (
        <>
          You already have a link to this target:{' '}
          <a href={`/console/links/${link.id}`}>
            <ShortUrl url={link.short_url} code={link.short_code} />
          </a>
          <CopyButton text={link.short_url} />
          <span class="quiet">{counted(link.click_count, 'click')}</span>
        </>
      )}
    </div>
  )
}
