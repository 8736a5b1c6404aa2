import { type Static, Type } from '@sinclair/typebox'
import { Nullable } from '../../base/schema.ts'

const Licences = Type.Array(Type.Object({ name: Type.String(), version: Type.String(), licence: Type.String() }))
export type Licences = Static<typeof Licences>

export const About = Type.Object({
  version: Type.String(),
  commit: Type.String(),
  date: Type.String(),
  bun: Type.String(),
  postgres: Nullable(Type.String({ description: 'Version of the database; null while it is unreachable.' })),
  embedded: Type.Boolean({ description: 'True if the embedded database is used.' }),
  disk: Type.Object({
    free_bytes: Type.Integer({ description: 'Free space in DATA_DIR of the replica that answers.' }),
    total_bytes: Type.Integer(),
    low: Type.Boolean({ description: 'True if less than DISK_FREE_MIN is free.' }),
  }),
  licences: Type.Array(Licences.items, { description: 'Libraries that are compiled in.' }),
})
export type About = Static<typeof About>

const Setting = Type.Object({
  name: Type.String(),
  value: Nullable(Type.String({ description: 'Effective value; null if unset, and for secrets.' })),
  secret: Type.Boolean(),
  set: Type.Boolean({ description: 'Whether there is a value.' }),
  source: Type.Union([
    Type.Literal('flag'),
    Type.Literal('environment'),
    Type.Literal('env-file'),
    Type.Literal('derived'),
    Type.Literal('file'),
    Type.Literal('default'),
  ]),
  help: Type.String(),
})
export type Setting = Static<typeof Setting>

/** The caller's address, as the server sees it. */
const Caller = Type.Object({
  address: Type.String({
    description: 'The caller’s address for rate limits and statistics; `unknown` if a proxy sent an invalid address.',
  }),
  found_in: Type.Union([Type.Literal('connection'), Type.Literal('X-Forwarded-For'), Type.Literal('Forwarded')]),
  connection: Type.String({ description: 'The address that opened the connection: the nearest proxy, if any.' }),
  forwarded_for: Nullable(Type.String({ description: 'X-Forwarded-For as received, or else Forwarded.' })),
  trusted_proxies: Type.Integer(),
  note: Nullable(Type.String({ description: 'A warning if something looks wrong.' })),
})
export type Caller = Static<typeof Caller>

export const Settings = Type.Object({ settings: Type.Array(Setting), caller: Caller })
export type Settings = Static<typeof Settings>
