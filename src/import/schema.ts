import { type Static, Type } from '@sinclair/typebox'

export const ImportedFile = Type.Object({
  imported: Type.Integer({ description: 'Rows of the file, including those that existed already.' }),
  count: Type.Integer({ description: 'Same as imported.' }),
})
export type ImportedFile = Static<typeof ImportedFile>
