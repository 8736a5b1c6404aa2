import { useState } from 'preact/hooks'
import { Dialog } from '../parts/dialog.tsx'
import { Failure, Field } from '../parts/field.tsx'
import { duration } from '../parts/figures.ts'
import { toast } from '../parts/toast.tsx'
import { useAttempt } from '../server/attempt.ts'
import { callChaos } from './call.ts'
import { described, FAULTS, type FaultName } from './fault.ts'

const LONGEST = 600
const MOST_LATENCY = 5_000
const PRESETS = [15, 60, 300]

type Plan = { fault: FaultName; duration: string; share: string; latency: string }

/** What to break, for how long, and how much of it. Nothing happens before the token is given. */
export function Arm({ done }: { done: () => void }) {
  const [plan, setPlan] = useState<Plan>({ fault: 'errors', duration: '', share: '100', latency: '200' })
  const [asking, setAsking] = useState(false)
  const [told, setTold] = useState(false)
  const change = (part: Partial<Plan>) => setPlan({ ...plan, ...part })
  const chosen = FAULTS.find(({ name }) => name === plan.fault)!
  const faults = faultsIn(plan)
  const fault = (field: keyof Plan) => (told ? faults[field] : undefined)

  return (
    <section aria-label="Arm a fault">
      <form
        class="arm"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setTold(true)
          if (Object.keys(faults).length === 0) setAsking(true)
        }}
      >
        <fieldset class="faults">
          <legend class="label">What breaks</legend>
          {FAULTS.map(({ name, title, does }) => (
            <label key={name} class="fault-choice">
              <input
                type="radio"
                name="fault"
                value={name}
                checked={plan.fault === name}
                onChange={() => change({ fault: name })}
              />
              <span>
                <b>{title}</b>
                <span class="quiet">{does}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <div class="dose">
          {plan.fault !== 'kill' && (
            <div class="lasting">
              <Field
                label="For how long, in seconds"
                inputMode="numeric"
                required
                value={plan.duration}
                fault={fault('duration')}
                hint={`At most ${LONGEST}; then it ends by itself.`}
                change={(duration) => change({ duration })}
              />
              <div class="presets">
                {PRESETS.map((seconds) => (
                  <button
                    key={seconds}
                    type="button"
                    class="button"
                    aria-pressed={plan.duration === String(seconds)}
                    onClick={() => change({ duration: String(seconds) })}
                  >
                    {duration(seconds)}
                  </button>
                ))}
              </div>
            </div>
          )}
          {chosen.of && (
            <Field
              label={`Share of ${chosen.of}, in %`}
              inputMode="decimal"
              value={plan.share}
              fault={fault('share')}
              hint="Above 0, up to 100."
              change={(share) => change({ share })}
            />
          )}
          {plan.fault === 'latency' && (
            <Field
              label="Added to each, in ms"
              inputMode="numeric"
              value={plan.latency}
              fault={fault('latency')}
              hint={`Up to ${MOST_LATENCY}.`}
              change={(latency) => change({ latency })}
            />
          )}
          <p class="quiet expect">To be expected: {chosen.expect}</p>
          <button type="submit" class="button danger">
            {plan.fault === 'kill' ? 'Kill this replica…' : 'Arm…'}
          </button>
        </div>
      </form>
      {asking && (
        <Sure
          plan={plan}
          close={(armed) => {
            setAsking(false)
            if (!armed) return
            setTold(false)
            change({ duration: '' })
            done()
          }}
        />
      )}
    </section>
  )
}

/** Asks for the chaos token, which is forgotten with this dialog. */
function Sure({ plan, close }: { plan: Plan; close: (armed: boolean) => void }) {
  const [token, setToken] = useState('')
  const attempt = useAttempt()
  const body = bodyOf(plan)
  const kill = plan.fault === 'kill'
  return (
    <Dialog title={kill ? 'Kill this replica?' : 'Arm this fault?'} close={() => close(false)}>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (!token || attempt.busy) return
          if (!(await attempt.run(() => callChaos('POST', token, body)))) return
          toast({ text: kill ? 'The replica drains, and exits.' : `Armed for ${duration(body.duration!)}.` })
          close(true)
        }}
      >
        <p class="dialog-text">
          {kill
            ? 'The process that takes this request drains and exits with 75. Without a supervisor it stays away.'
            : `${described({ fault: plan.fault, share: body.share, latency_ms: body.latency_ms })}, for ${duration(body.duration!)}, on the replica that takes this request.`}
        </p>
        <TokenField token={token} change={setToken} />
        <Failure>{attempt.failure()}</Failure>
        <footer>
          <button type="button" class="button" onClick={() => close(false)}>
            Cancel
          </button>
          <button type="submit" class="button danger" disabled={!token || attempt.busy}>
            {kill ? 'Kill' : 'Arm'}
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** Ends every fault; asks for the token as well. */
export function EndAll({ close }: { close: (ended: boolean) => void }) {
  const [token, setToken] = useState('')
  const attempt = useAttempt()
  return (
    <Dialog title="End every fault now?" close={() => close(false)}>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (!token || attempt.busy || !(await attempt.run(() => callChaos('DELETE', token)))) return
          toast({ text: 'Every fault is ended.' })
          close(true)
        }}
      >
        <TokenField token={token} change={setToken} />
        <Failure>{attempt.failure()}</Failure>
        <footer>
          <button type="button" class="button" onClick={() => close(false)}>
            Cancel
          </button>
          <button type="submit" class="button main" disabled={!token || attempt.busy}>
            End them
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** No password field: a browser would offer to keep it. */
const TokenField = ({ token, change }: { token: string; change: (token: string) => void }) => (
  <Field
    label="Chaos token"
    class="secret"
    name="chaos-token"
    autocomplete="off"
    autofocus
    value={token}
    hint={
      <>
        The server’s setting <code>CHAOS_TOKEN</code>. It is sent once, and not kept.
      </>
    }
    change={change}
  />
)

type Body = { fault: FaultName; duration?: number; share?: number; latency_ms?: number }

function bodyOf({ fault, duration, share, latency }: Plan): Body {
  if (fault === 'kill') return { fault }
  return {
    fault,
    duration: Number(duration),
    ...(takesShare(fault) && { share: Number(share) / 100 }),
    ...(fault === 'latency' && { latency_ms: Number(latency) }),
  }
}

const takesShare = (fault: FaultName) => FAULTS.find(({ name }) => name === fault)!.of !== undefined

function faultsIn({ fault, duration, share, latency }: Plan): Partial<Record<keyof Plan, string>> {
  const wrong = (text: string, most: number, whole = false) => {
    const value = Number(text)
    return !text.trim() || !(value > 0) || value > most || (whole && !Number.isInteger(value))
  }
  return {
    ...(fault !== 'kill' && wrong(duration, LONGEST) && { duration: `Say for how long: 1 to ${LONGEST} seconds.` }),
    ...(takesShare(fault) && wrong(share, 100) && { share: 'A number above 0, at most 100.' }),
    ...(fault === 'latency' && wrong(latency, MOST_LATENCY, true) && { latency: `A whole number from 1 to ${MOST_LATENCY}.` }),
  }
}
