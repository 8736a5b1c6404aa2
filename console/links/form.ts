// The state of a form for a link, new or old: the draft, its faults, the request.
import { useState } from 'preact/hooks'
import type { NewLink } from '../../src/links/schema.ts'
import { useDraft } from '../kit/browser/drafts.ts'
import { useAttempt } from '../kit/parts/attempt.ts'
import { changesOf, type Draft, EMPTY, FIELDS, type Field, NAMES } from './draft.ts'
import { faultsOf } from './faults.ts'
import { useFound } from './found.ts'

export type LinkForm = ReturnType<typeof useLinkForm>

type Options = {
  /** Of the draft. */
  name: string
  /** The link as it is; without one, the form creates a link. */
  before?: Draft
  /** Sends the body. Its errors are shown at the fields that they name. */
  send: (body: Partial<NewLink>) => Promise<unknown>
}

export function useLinkForm({ name, before, send }: Options) {
  const [was] = useState(before ?? EMPTY) // as it was when the form was opened: a change by others in the meantime is not taken back
  const [draft, type, discard] = useDraft<Draft>(name, was)
  const [password, setPassword] = useState('') // nowhere else: drafts are written to the session's storage
  const [left, setLeft] = useState<ReadonlySet<Field>>(new Set(before && FIELDS))
  const { busy, run, faultOf, failure, clear } = useAttempt()
  const taken = useTaken(before ? '' : draft.code)
  const faults = { ...(taken && { code: 'This code is already taken.' }), ...faultsOf(draft, password, !before) }

  const leave = (...fields: Field[]) => setLeft(new Set([...left, ...fields]))
  const forget = () => {
    discard()
    setPassword('')
    setLeft(new Set(before && FIELDS))
    clear()
  }
  return {
    draft,
    password,
    busy,
    isNew: !before,
    faulty: Object.keys(faults).length > 0,
    /** A field is checked once it has been left. The server's error stays until something changes. */
    faultOf: (field: Field) => faultOf(...NAMES[field]) ?? (left.has(field) ? faults[field] : undefined),
    failure: failure(FIELDS.map((field) => NAMES[field][0])),
    leave,
    forget,
    change(part: Partial<Draft>) {
      type(part)
      clear()
    },
    setPassword(text: string) {
      setPassword(text)
      clear()
    },
    /** Sends what changed; returns whether the form is done. Else the first invalid field gets the focus. */
    async submit(event: Event): Promise<boolean> {
      event.preventDefault()
      const form = event.currentTarget as HTMLFormElement
      if (busy) return false
      setLeft(new Set(FIELDS))
      const body = changesOf(draft, was, password)
      const done = Object.keys(faults).length === 0 && (Object.keys(body).length === 0 || (await run(() => send(body))))
      if (done) forget()
      else requestAnimationFrame(() => form.querySelector<HTMLElement>('[aria-invalid=true]')?.focus())
      return done
    },
  }
}

/** Whether a link has this code already, as its own or as an alias. Codes of deleted links are taken too; only the server knows those. */
function useTaken(code: string): boolean {
  const valid = code !== '' && !faultsOf({ ...EMPTY, code }, '', true).code
  return useFound(valid ? { code } : undefined) !== undefined
}
