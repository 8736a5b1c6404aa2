import { type Static, Type } from '@sinclair/typebox'

const Line = Type.Object(
  {
    sequence: Type.Integer({ description: 'Number of the line on its replica, increasing by one.' }),
    replica: Type.Optional(Type.String({ description: 'Id of the replica, if `replica` was given.' })),
    level: Type.String(),
    time: Type.String(),
    message: Type.String(),
    request_id: Type.Optional(Type.String()),
    console: Type.Optional(Type.Boolean({ description: 'True for requests made by the console itself.' })),
  },
  { additionalProperties: true },
)

export const Lines = Type.Object({
  count: Type.Integer(),
  logs: Type.Array(Line, { description: 'Newest first.' }),
  stopped: Type.Optional(
    Type.Union([Type.Integer(), Type.Boolean()], {
      description: 'Present if the patterns took too long: the last sequence that was searched, or true for several replicas.',
    }),
  ),
  asked: Type.Optional(Type.Integer({ description: 'Replicas queried, if `replica` was given.' })),
  answered: Type.Optional(Type.Integer({ description: 'Replicas that answered in time.' })),
})
export type Lines = Static<typeof Lines>
