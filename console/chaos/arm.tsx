import { useState } from 'preact/hooks'
import type { AskedReplica, Fault } from '../../src/chaos/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { Dialog } from '../kit/parts/dialog.tsx'
import { Failure, Field } from '../kit/parts/field.tsx'
import { duration } from '../kit/parts/figures.ts'
import { toast } from '../kit/parts/toast.tsx'
import { ALL } from '../kit/server/live.ts'
import { callChaos, outcomeOf } from './call.ts'
import { described, FAULTS } from './fault.ts'

const LONGEST = 600
const MOST_LATENCY = 5_000
const PRESETS = [15, 60, 300]

/** `on`: all, or the id of a replica; empty: the replica that answered first. */
type Plan = { fault: Fault; duration: string; share: string; latency: string; on: string }

/** The fault, its duration and its share. Nothing happens before the token is entered. */
export function Arm({ replicas, done }: { replicas: AskedReplica[]; done: () => void }) {
  const [first] = useState(() => replicas.find(({ self }) => self)?.id ?? '')
  const [draft, change] = useDraft<Plan>('fault', { fault: 'errors', duration: '', share: '100', latency: '200', on: '' })
  const plan = { ...draft, on: placeIn(replicas, draft, first) }
  const [asking, setAsking] = useState(false)
  const [checked, setChecked] = useState(false)
  const chosen = FAULTS.find(({ name }) => name === plan.fault)!
  const faults = faultsIn(plan)
  const fault = (field: keyof Plan) => (checked ? faults[field] : undefined)

  return (
    <section aria-label="Arm a fault">
      <form
        class="arm"
        noValidate
        onSubmit={(event) => {
          event.preventDefault()
          setChecked(true)
          if (Object.keys(faults).length === 0) setAsking(true)
        }}
      >
        <fieldset class="faults">
          <legend class="label">Fault</legend>
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
                label="Duration in seconds"
                inputMode="numeric"
                required
                value={plan.duration}
                fault={fault('duration')}
                hint={`At most ${LONGEST}. Then it ends by itself.`}
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
              label={`Share of ${chosen.of} in %`}
              inputMode="decimal"
              value={plan.share}
              fault={fault('share')}
              hint="Above 0, up to 100."
              change={(share) => change({ share })}
            />
          )}
          {plan.fault === 'latency' && (
            <Field
              label="Added delay in ms"
              inputMode="numeric"
              value={plan.latency}
              fault={fault('latency')}
              hint={`Up to ${MOST_LATENCY}.`}
              change={(latency) => change({ latency })}
            />
          )}
          {replicas.length > 1 && <Where plan={plan} replicas={replicas} change={(on) => change({ on })} />}
          <p class="quiet expect">Expect: {chosen.expect}</p>
          <button type="submit" class="button danger">
            {plan.fault === 'kill' ? 'Kill…' : 'Arm…'}
          </button>
        </div>
      </form>
      {asking && (
        <Sure
          plan={plan}
          where={whereOf(replicas, plan.on)}
          close={(armed) => {
            setAsking(false)
            if (!armed) return
            setChecked(false)
            change({ duration: '' })
            done()
          }}
        />
      )}
    </section>
  )
}

/** The chosen replicas. A kill takes only one, and a replica that has left cannot be chosen. */
function placeIn(replicas: AskedReplica[], { fault, on }: Plan, first: string): string {
  if (on === ALL && fault !== 'kill') return on
  if (replicas.some(({ id }) => id === on)) return on
  return replicas.some(({ id }) => id === first) ? first : (replicas.find(({ self }) => self)?.id ?? first)
}

const whereOf = (replicas: AskedReplica[], on: string) =>
  on === ALL ? `all ${replicas.length} replicas` : (replicas.find(({ id }) => id === on)?.replica ?? 'this replica')

function Where({ plan, replicas, change }: { plan: Plan; replicas: AskedReplica[]; change: (on: string) => void }) {
  return (
    <div class="field">
      <label class="label" for="fault-where">
        Replica
      </label>
      <select id="fault-where" value={plan.on} onChange={(event) => change(event.currentTarget.value)}>
        {replicas.map(({ id, replica, self, enabled, unanswered }) => (
          <option key={id} value={id} disabled={enabled !== true}>
            {replica}
            {self ? ' (connected)' : ''}
            {unanswered !== null ? ' (does not answer)' : enabled === false ? ' (no CHAOS_TOKEN)' : ''}
          </option>
        ))}
        {plan.fault !== 'kill' && <option value={ALL}>All {replicas.length} replicas</option>}
      </select>
    </div>
  )
}

const titleOf = (fault: string) => FAULTS.find(({ name }) => name === fault)?.title ?? fault

/** Asks for the chaos token, which is forgotten with this dialog. */
function Sure({ plan, where, close }: { plan: Plan; where: string; close: (armed: boolean) => void }) {
  const [token, setToken] = useState('')
  const attempt = useAttempt()
  const body = bodyOf(plan)
  const kill = plan.fault === 'kill'
  return (
    <Dialog title={kill ? `Kill ${where}?` : 'Arm this fault?'} close={() => close(false)}>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (!token || attempt.busy) return
          if (
            await attempt.run(async () => {
              const done = await callChaos('POST', plan.on, token, body)
              toast(kill ? { text: `${where} drains and exits.` } : outcomeOf('Armed', done, titleOf))
            })
          )
            close(true)
        }}
      >
        <p class="dialog-text">
          {kill
            ? `${where} drains and exits with status 75. Without a supervisor it stays down.`
            : `${described({ fault: plan.fault, share: body.share, latency_ms: body.latency_ms })}, for ${duration(body.duration!)}, on ${where}.`}
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

/** Ends every fault on every replica. Asks for the token, too. */
export function EndAll({ close }: { close: (ended: boolean) => void }) {
  const [token, setToken] = useState('')
  const attempt = useAttempt()
  return (
    <Dialog title="End all faults now?" close={() => close(false)}>
      <form
        onSubmit={async (event) => {
          event.preventDefault()
          if (!token || attempt.busy) return
          if (await attempt.run(async () => toast(outcomeOf('Ended', await callChaos('DELETE', ALL, token), titleOf))))
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
            End all
          </button>
        </footer>
      </form>
    </Dialog>
  )
}

/** No password field: a browser would offer to save it. */
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
        The value of <code>CHAOS_TOKEN</code> on the server. It is not stored here.
      </>
    }
    change={change}
  />
)

type Body = { fault: Fault; duration?: number; share?: number; latency_ms?: number }

function bodyOf({ fault, duration, share, latency }: Plan): Body {
  if (fault === 'kill') return { fault }
  return {
    fault,
    duration: Number(duration),
    ...(takesShare(fault) && { share: Number(share) / 100 }),
    ...(fault === 'latency' && { latency_ms: Number(latency) }),
  }
}

const takesShare = (fault: Fault) => FAULTS.find(({ name }) => name === fault)!.of !== undefined

function faultsIn({ fault, duration, share, latency }: Plan): Partial<Record<keyof Plan, string>> {
  const wrong = (text: string, most: number, whole = false) => {
    const value = Number(text)
    return !text.trim() || !(value > 0) || value > most || (whole && !Number.isInteger(value))
  }
  return {
    ...(fault !== 'kill' && wrong(duration, LONGEST) && { duration: `Enter 1 to ${LONGEST} seconds.` }),
    ...(takesShare(fault) && wrong(share, 100) && { share: 'Enter a number above 0 and up to 100.' }),
    ...(fault === 'latency' &&
      wrong(latency, MOST_LATENCY, true) && { latency: `Enter a whole number from 1 to ${MOST_LATENCY}.` }),
  }
}
