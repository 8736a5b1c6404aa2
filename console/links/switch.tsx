import type { Link } from '../../src/links/schema.ts'
import { toast } from '../parts/toast.tsx'
import { sentence } from '../parts/trouble.tsx'
import { asApiError, call } from '../server/api.ts'
import { useAttempt } from '../server/attempt.ts'

type Props = { link: Link; changed: (link: Link) => void; disabled?: boolean }

/** Whether a link redirects, and the change of that. */
export function Switch({ link, changed, disabled }: Props) {
  const { busy, run } = useAttempt()
  const toggle = () =>
    run(async () => {
      try {
        changed((await call<Link>('PATCH', `/urls/${link.id}`, { body: { is_active: !link.is_active } })).data)
      } catch (error) {
        toast({ tone: 'bad', text: `${link.short_code} stays as it is: ${sentence(asApiError(error))}` })
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
