import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { zoneAt } from '../kit/browser/zone.ts'
import { CheckField, Field, SelectField, TimeField } from '../kit/parts/field.tsx'
import { CampaignFields } from './campaign-fields.tsx'
import { EMPTY, FIELDS, type Field as Name } from './draft.ts'
import type { LinkForm } from './form.ts'
import { PasswordField } from './password-field.tsx'

/** Those that every form shows. */
const PLAIN: Name[] = ['target', 'code', 'title', 'tags']
const MORE = FIELDS.filter((field) => !PLAIN.includes(field))

const FORWARDED = [
  ['off', 'Not forwarded'],
  ['add', 'Added, the target’s values win'],
  ['override', 'Added, the visitor’s values win'],
] as const
const INDEXED = [
  ['', 'As the server is set up'],
  ['true', 'Keep out of search engines'],
  ['false', 'May be in search engines'],
] as const

type Props = { form: LinkForm; zone: string /** The link has a password now. */; locked?: boolean }

/** The less common fields of a link, folded until something in them is set, or invalid. */
export function MoreFields({ form, zone, locked = false }: Props) {
  const { draft, isNew, change, faultOf, leave } = form
  const set =
    MORE.filter((field) => draft[field] !== (field === 'query' && !isNew ? 'off' : EMPTY[field])).length + Number(locked)
  const [open, setOpen] = useState(set > 0 || (isNew && draft.code + draft.title + draft.tags !== ''))
  const shown = open || MORE.some((field) => faultOf(field) !== undefined)
  const text = (field: Name, label: string, extra: object = {}) => (
    <Field
      label={label}
      value={draft[field] as string}
      change={(value) => change({ [field]: value })}
      onBlur={() => draft[field] !== '' && leave(field)}
      fault={faultOf(field)}
      {...extra}
    />
  )
  return (
    <details class="more-fields" open={shown} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>More options{set > 0 && <span class="quiet">: {set} set</span>}</summary>
      {shown && (
        <div class="groups">
          <Group title="When and how often">
            <TimeField
              label="Valid from"
              value={draft.from}
              zone={zone}
              change={(from) => change({ from })}
              fault={faultOf('from')}
              hint={zoneAt(draft.from, zone)}
            />
            <TimeField
              label="Valid until"
              value={draft.until}
              zone={zone}
              change={(until) => {
                change({ until })
                leave('until')
              }}
              fault={faultOf('until')}
              hint={zoneAt(draft.until, zone)}
            />
            {text('limit', 'Clicks at most', {
              inputMode: 'numeric',
              placeholder: 'no limit',
              hint: 'From now on, without bots.',
            })}
            {text('expired', 'Then leads to', {
              inputMode: 'url',
              placeholder: 'https://…',
              hint: 'When it has expired or is used up.',
            })}
          </Group>
          <Group title="Visitors">
            <PasswordField form={form} has={locked} />
            <SelectField
              label="Query of the visit"
              options={isNew ? [['', 'As the server is set up'] as const, ...FORWARDED] : FORWARDED}
              value={draft.query}
              change={(query) => change({ query })}
              fault={faultOf('query')}
            />
            <CheckField
              label="Forward the path"
              hint="/code/rest leads to rest below the target."
              value={draft.path}
              change={(path) => change({ path })}
            />
            <CheckField
              label="Ask before leaving"
              hint="Visitors see the target and a button first."
              value={draft.confirm}
              change={(confirm) => change({ confirm })}
            />
          </Group>
          <Group title="For you">{text('note', 'Note', { prose: true, lines: 4, hint: 'Visitors never see it.' })}</Group>
          <Group title="Search engines and chats">
            <SelectField
              label="Search engines"
              options={INDEXED}
              value={draft.noindex}
              change={(noindex) => change({ noindex })}
              fault={faultOf('noindex')}
            />
            {text('cardTitle', 'Title of the preview', { prose: true, placeholder: 'that of the target' })}
            {text('cardText', 'Text of the preview', { prose: true })}
            {text('cardImage', 'Image of the preview', { inputMode: 'url', placeholder: 'https://…' })}
          </Group>
          <Group title="Campaign (UTM)">
            <CampaignFields form={form} />
          </Group>
        </div>
      )}
    </details>
  )
}

const Group = ({ title, children }: { title: string; children: ComponentChildren }) => (
  <fieldset class="group">
    <legend>{title}</legend>
    {children}
  </fieldset>
)
