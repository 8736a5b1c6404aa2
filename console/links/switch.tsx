import type { Link } from '../../src/links/schema.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { toast } from '../kit/parts/toast.tsx'
import { sentence } from '../kit/parts/trouble.tsx'
import { asApiError, call } from '../kit/server/api.ts'

/** Turns a link on or off. */
export function useTurn(changed: (link: Link) => void) {
  const { busy, run } = useAttempt()
  const turn = (link: Link) =>
    run(async () => {
      try {
        changed((await call<Link>('PATCH', `/urls/${link.id}`, { body: { is_active: !link.is_active } })).data)
      } catch (error) {
        toast({ tone: 'bad', text: `${link.short_code} could not be changed: ${sentence(asApiError(error))}` })
      }
    })
  return { busy, turn }
}

type Props = { link: Link; changed: (link: Link) => void; disabled?: boolean }

/** Shows whether a link is active, and changes it. */
export function Switch({ link, changed, disabled }: Props) {
  const { busy, turn } = useTurn(changed)
  return (
    <button
      type="button"
      role="switch"
      aria-checked={link.is_active}
      aria-label={`${link.short_code} is active`}
      class="switch"
      disabled={disabled || busy}
      onClick={() => turn(link)}
      title={link.is_active ? 'Deactivate' : 'Activate'}
    >
      <span class="knob" />
      {link.is_active ? 'on' : 'off'}
    </button>
  )
}
