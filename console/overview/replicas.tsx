import type { ComponentChildren } from 'preact'
import { count, duration, short } from '../kit/parts/figures.ts'
import { State, type Tone } from '../kit/parts/state.tsx'
import { ALL, type Replica } from '../kit/server/live.ts'
import { fleetOf, nameOf } from '../kit/server/replicas.ts'

const TONES: Record<string, Tone> = {
  ready: 'good',
  degraded: 'warn',
  starting: 'warn',
  draining: 'warn',
  stopped: 'unknown',
  lost: 'bad',
}

type Props = {
  replicas: Replica[] | undefined
  asked: number | undefined
  answered: number | undefined
  chosen: string
  choose: (id: string) => void
  /** They are out of date: the server does not respond. */
  dimmed: boolean
}

/** Every replica with its state. The charts show the selected one, or all. */
export function Replicas({ replicas, asked, answered, chosen, choose, dimmed }: Props) {
  if (!replicas) return <div class="replicas waiting" aria-busy="true" />
  const name = dimmed ? 'replicas dimmed' : 'replicas'
  if (replicas.length === 1 && (chosen === ALL || chosen === replicas[0]!.id))
    return (
      <div class={name}>
        <div class="member alone">
          <One replica={replicas[0]!} name={replicas[0]!.hostname} alone />
        </div>
      </div>
    )
  const known = chosen === ALL || replicas.some(({ id }) => id === chosen)
  const partial = asked !== undefined && answered !== undefined && answered < asked
  return (
    <fieldset class={name}>
      <legend class="unseen">Replica</legend>
      <Choice id={ALL} chosen={chosen} choose={choose}>
        <span class="who">All replicas</span>
        <span class="rate figure">
          {short(replicas.reduce((sum, { rate, state }) => sum + (state === 'lost' ? 0 : rate), 0))} /s
        </span>
        <span class="more">{partial ? <State tone="warn">{`${answered} of ${asked} responded`}</State> : fleetOf(replicas)}</span>
      </Choice>
      {replicas.map((replica) => (
        <Choice key={replica.id} id={replica.id} chosen={chosen} choose={choose}>
          <One replica={replica} name={nameOf(replica, replicas)} alone={false} />
        </Choice>
      ))}
      {!known && (
        <p class="gone">
          The selected replica has left the fleet.{' '}
          <button type="button" class="link-button" onClick={() => choose(ALL)}>
            Show all {count(replicas.length)}
          </button>
        </p>
      )}
    </fieldset>
  )
}

function One({ replica, name, alone }: { replica: Replica; name: string; alone: boolean }) {
  return (
    <>
      <span class="who">
        {name}
        {replica.self && !alone && (
          <span class="here" title="You are connected to this replica">
            {' '}
            here
          </span>
        )}
      </span>
      <span class="rate figure">{replica.state === 'lost' ? '–' : `${short(replica.rate)} /s`}</span>
      <span class="more figure">
        <State tone={TONES[replica.state] ?? 'unknown'}>{replica.state}</State>
        {replica.unanswered && replica.state !== 'lost' && (
          <State tone="warn" title={replica.unanswered}>
            no data
          </State>
        )}
        <span>{replica.version}</span>
        <Uptime replica={replica} />
      </span>
    </>
  )
}

function Uptime({ replica: { state, started_at, seen_at, now } }: { replica: Replica }) {
  if (state === 'lost') return <span title={seen_at}>seen {duration((Date.now() - Date.parse(seen_at)) / 1000)} ago</span>
  const seconds = now?.uptime ?? (Date.now() - Date.parse(started_at)) / 1000
  return <span title={`Since ${started_at}`}>up {duration(seconds).split(' ').slice(0, 2).join(' ')}</span>
}

type ChoiceProps = { id: string; chosen: string; choose: (id: string) => void; children: ComponentChildren }

function Choice({ id, chosen, choose, children }: ChoiceProps) {
  return (
    <label class={id === chosen ? 'member chosen' : 'member'}>
      <input type="radio" name="replica" value={id} checked={id === chosen} onChange={() => choose(id)} />
      {children}
    </label>
  )
}
