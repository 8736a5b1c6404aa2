import { keyResource } from '../access/keys/schema.ts'
import { policyResource } from '../access/policy/store.ts'
import type { Resource } from '../base/resource.ts'
import { blocklistResource } from '../blocklist/schema.ts'
import { clickResource } from '../clicks/store.ts'
import { eventResource } from '../events/schema.ts'
import { answerResource } from '../http/idempotency.ts'
import { linkResource } from '../links/schema.ts'
import { redirectResource } from '../redirect/preview.ts'
import { tagResource } from '../tags/schema.ts'
import { userResource } from '../users/schema.ts'

/** Every resource; tables refer only to earlier ones. Policy comes after the two resources whose triggers write to it. */
export const RESOURCES: Resource[] = [
  userResource,
  linkResource,
  tagResource,
  clickResource,
  eventResource,
  redirectResource,
  keyResource,
  blocklistResource,
  policyResource,
  answerResource,
]

/** The tables in a backup. Other tables hold only temporary state. */
export const TABLES = Object.assign({}, ...RESOURCES.map(({ tables }) => tables)) as Required<Resource>['tables']

/** The tags in the API's documentation, links first. */
export const TAGS = [...new Set(RESOURCES.flatMap(({ tag }) => tag ?? []))].sort(
  (a, b) => +(b === linkResource.tag) - +(a === linkResource.tag),
)
