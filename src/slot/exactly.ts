import type { Static, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

/** Accepts values that the schema describes and that have no other members. */
export const exactly =
  <S extends TSchema>(schema: S) =>
  (value: unknown): value is Static<S> =>
    Value.Check(schema, value) && JSON.stringify(Value.Clean(schema, structuredClone(value))) === JSON.stringify(value)
