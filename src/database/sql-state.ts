// PostgreSQL's error codes that are checked one by one, with the names in its manual. Classes of codes are patterns in errors.ts and causes.ts.

export const SQL_STATE = {
  protocol_violation: '08P01',
  invalid_parameter_value: '22023',
  foreign_key_violation: '23503',
  check_violation: '23514',
  read_only_sql_transaction: '25006',
  invalid_sql_statement_name: '26000',
  feature_not_supported: '0A000',
  serialization_failure: '40001',
  deadlock_detected: '40P01',
  insufficient_privilege: '42501',
  undefined_column: '42703',
  undefined_function: '42883',
  undefined_table: '42P01',
  disk_full: '53100',
  too_many_connections: '53300',
  query_canceled: '57014',
} as const

/** Whether an error, from the server or created here in its form, has that code. */
export const hasState = (error: unknown, name: keyof typeof SQL_STATE) =>
  (error as { code?: unknown } | undefined)?.code === SQL_STATE[name]

/** The schema, or that of this release, does not exist yet: another process is creating it. */
export const isSchemaMissing = (error: unknown) =>
  hasState(error, 'undefined_table') || hasState(error, 'undefined_column') || hasState(error, 'undefined_function')
