import { visibleLine } from '../base/visible.ts'
import { type Config, shown } from '../config/config.ts'
import { type Name, settings } from '../config/settings.ts'

/** Prints every setting with its value and source; hides secrets. */
export function printConfig(config: Config) {
  const rows = (Object.keys(settings) as Name[]).map((name) => [
    name,
    visibleLine(shown(name, config) ?? '(unset)'),
    config.sources[name],
  ])
  const width = (column: number) => Math.max(...rows.map((row) => row[column]!.length))
  for (const [name, value, source] of rows)
    console.log(`${name!.padEnd(width(0))}  ${value!.padEnd(Math.min(width(1), 60))}  ${source}`)
}
