// What a plan of PostgreSQL says that it read, from EXPLAIN (ANALYZE, FORMAT JSON) or auto_explain.

export type Plan = {
  'Node Type': string
  'Actual Rows': number
  'Actual Loops': number
  'Relation Name'?: string
  'Index Name'?: string
  'Rows Removed by Filter'?: number
  'Rows Removed by Index Recheck'?: number
  Plans?: Plan[]
}

/** Nodes that read no table, or whose rows another node counts. */
const OTHERS = /^(Subquery|CTE|WorkTable|Function|Table Function|Values|Named Tuplestore|Bitmap Index) Scan$/

const isScan = ({ 'Node Type': type }: Plan) => /Scan$/.test(type) && !OTHERS.test(type)

/** The nodes of a plan that read tables. */
export const scansOf = (plan: Plan): Plan[] => [...(isScan(plan) ? [plan] : []), ...(plan.Plans ?? []).flatMap(scansOf)]

/** Rows that one node read, those that a filter removed included. */
export const readBy = (scan: Plan) =>
  scan['Actual Loops'] *
  (scan['Actual Rows'] + (scan['Rows Removed by Filter'] ?? 0) + (scan['Rows Removed by Index Recheck'] ?? 0))

/** Rows that a plan read from tables. */
export const rowsRead = (plan: Plan) => scansOf(plan).reduce((sum, scan) => sum + readBy(scan), 0)
