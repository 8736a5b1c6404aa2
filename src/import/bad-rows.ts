// Errors in an imported file; they name the row and the column.
import { type Detail, Problem } from '../base/problem.ts'

/** Why a cell is refused, as a phrase that follows its position: "must be a whole number". */
export class BadCell extends Error {}

/** An error in one row; without a column it concerns the row as a whole. */
export type BadRow = { line: number; column?: string; message: string }

export const MAX_DETAILS = 20

/** 400 for the file as a whole. */
export const badFile = (message: string) => new Problem(400, `the file ${message}`, { details: [{ field: 'file', message }] })

/** 400 with the first bad row as its text: "row 17, column email: must be an e-mail address". */
export function badRows(bad: BadRow[]): Problem {
  const details = bad.slice(0, MAX_DETAILS).map(({ line, column, message }): Detail => {
    return { field: column === undefined ? `row ${line}` : `row ${line}, column ${column}`, message }
  })
  const [first] = details
  return new Problem(400, `${first!.field}: ${first!.message}`, { details })
}
