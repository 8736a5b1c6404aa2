import { Field } from '../kit/parts/field.tsx'
import { CAMPAIGN, valueIn, withValue } from './campaign.ts'
import type { LinkForm } from './form.ts'

/** Edits the UTM parameters in the text of the target. They are kept nowhere else. */
export function CampaignFields({ form: { draft, change } }: { form: LinkForm }) {
  const { target } = draft
  return CAMPAIGN.map(([name, label, example]) => (
    <Field
      key={name}
      label={label}
      value={valueIn(target, name)}
      placeholder={example}
      disabled={target.trim() === ''}
      change={(text) => change({ target: withValue(target, name, text) })}
      hint={name === 'utm_source' && target.trim() === '' && 'Enter the target first.'}
    />
  ))
}
