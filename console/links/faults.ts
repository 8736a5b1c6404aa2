// Checks of a link before it is sent. The server decides.
import { tagsIn } from '../kit/parts/tags.tsx'
import { completed, type Draft, type Field } from './draft.ts'

export type Faults = Partial<Record<Field, string>>

/** A sentence for each invalid field. `isNew`: the link does not exist yet, so its code is checked, and its end must be in the future. */
export function faultsOf(draft: Draft, password: string, isNew: boolean): Faults {
  const { target, code, title, tags, from, until, limit, expired, cardTitle, cardText, cardImage, note } = draft
  const faults: Faults = {
    target: target.trim() === '' ? 'Enter the address that the link leads to.' : ofAddress(target),
    code: isNew ? ofCode(code) : undefined,
    title: ofLength(title, 500),
    tags: tagsIn(tags).length > 30 ? 'Use at most 30 tags.' : undefined,
    until: ofEnd(from, until, isNew),
    limit: limit.trim() === '' || /^[1-9]\d{0,14}$/.test(limit.trim()) ? undefined : 'Enter a whole number from 1 up.',
    expired: ofAddress(expired),
    password:
      draft.password !== 'set'
        ? undefined
        : password === ''
          ? 'Enter a password. It is not kept with the rest of the form.'
          : ofLength(password, 200),
    cardTitle: ofLength(cardTitle, 200),
    cardText: ofLength(cardText, 500),
    cardImage: ofAddress(cardImage),
    note: ofLength(note, 2_000),
  }
  for (const field of Object.keys(faults) as Field[]) if (faults[field] === undefined) delete faults[field]
  return faults
}

function ofAddress(text: string) {
  if (text.trim() === '') return undefined
  const url = URL.parse(completed(text))
  if (text.length > 4096) return 'Use at most 4,096 characters.'
  if (!url || url.host.includes('%')) return 'This is not a web address.' // Chromium accepts spaces in a host, as %20
  if (!/^https?:$/.test(url.protocol)) return 'Use an http or https address.'
  if (url.username || url.password) return 'Remove the user name and password from the address.'
}

function ofCode(code: string) {
  if (code === '') return undefined
  if (!/^[A-Za-z0-9_-]*$/.test(code)) return 'Use only letters, digits, _ and -.'
  if (code.length < 3) return 'Use at least 3 characters.'
  if (code.length > 64) return 'Use at most 64 characters.'
  if (/^\d+$/.test(code)) return 'Use at least one letter, _ or -.'
}

function ofEnd(from: string, until: string, isNew: boolean) {
  if (until && from && Date.parse(until) <= Date.parse(from)) return 'Choose a time after the first one.'
  if (until && isNew && Date.parse(until) <= Date.now()) return 'Choose a time in the future.'
}

const ofLength = (text: string, most: number) =>
  text.length > most ? `Use at most ${most.toLocaleString('en')} characters.` : undefined
