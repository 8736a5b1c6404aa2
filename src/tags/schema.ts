import { type Static, Type } from '@sinclair/typebox'
import type { Resource } from '../base/resource.ts'
import { Moment, Nullable } from '../base/schema.ts'
import { Stats } from '../clicks/schema.ts'
import { OTHERS_IGNORED } from '../http/validation.ts'

export const tagResource = { tag: 'Tags' } satisfies Resource

export const Tag = Type.Object({
  name: Type.String({ description: 'In the spelling of the oldest link that has it.' }),
  links: Type.Integer(),
  clicks: Type.Integer({ description: 'All clicks of these links, bots included.' }),
  bots: Type.Integer(),
  last_click: Nullable(Moment),
})
export type Tag = Static<typeof Tag>

export const TagParams = Type.Object({ tag: Type.String({ description: 'A tag, ignoring case.' }) })

export const TagChange = Type.Object({ name: Type.String({ maxLength: 100, description: 'The new name.' }) }, OTHERS_IGNORED)

export const Renamed = Type.Object({ name: Type.String(), links: Type.Integer({ description: 'How many links changed.' }) })
export type Renamed = Static<typeof Renamed>

export const TagStats = Type.Object({ tag: Type.String(), links: Type.Integer(), ...Stats.properties })
export type TagStats = Static<typeof TagStats>
