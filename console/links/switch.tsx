import type { Link } from '../../src/links/schema.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'

type Props = { link: Link; changed: (link: Link) => void; disabled?: boolean }

/** Shows whether a link is active, and changes it. */
export function Switch({ link, changed, disabled }: Props) {
  const { busy, run } = useAttempt()
  const toggle = () =>
    run(async () => {
      try {
        changed((await call<Link>('PATCH', `/urls/${link.id}`, { body: { is_active: !link.is_active } })).data)
      } catch (error) {
        toast({ tone: 'bad', text: `${link.short_code} could not be changed: ${sentence(asApiError(error))}` })
      }
    })
  return (
    <button
      type="button"
      role="switch"
      aria-checked={link.is_active}
      aria-label={`${link.short_code} is active`}
      class="switch"
      disabled={disabled || busy}
      onClick={toggle}
      title={link.is_active ? 'Deactivate' : 'Activate'}
    >
      <span class="knob" />
      {link.is_active ? 'active' : 'inactive'}
    </button>
  )
}
