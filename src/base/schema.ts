// Types that the schemas of several resources share.
import { type SchemaOptions, type TSchema, Type } from '@sinclair/typebox'

/** `schema`, or null. */
export const Nullable = <T extends TSchema>(schema: T, options?: SchemaOptions) => Type.Union([schema, Type.Null()], options)

/** A time as the server writes it, `2025-09-19T22:25:05Z`. base/time.ts reads those of others. */
export const Moment = Type.String({ description: 'ISO 8601, UTC.', examples: ['2025-09-19T22:25:05Z'] })
