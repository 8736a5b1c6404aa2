// The flags of fields, for commander.
import { type Command, Option } from 'commander'
import { ConfigError } from '../../config/config.ts'
import { type Field, placeholderOf } from './fields.ts'

/** The values that commander found on the command line. */
export type Values = Record<string, unknown>

/** A flag for each field, which may be repeated. */
export function withFlags(command: Command, fields: Field[]): Command {
  for (const field of fields) {
    const option = new Option(`--${field.flag} ${placeholderOf(field)}`, field.help).argParser(collect)
    option.argChoices = field.choices // for the help and for completion
    command.addOption(option)
  }
  return command
}

/** Those flags, and --set for all of them. */
export const withFields = (command: Command, fields: Field[]) =>
  withFlags(command, fields).addOption(
    new Option('--set <field=value>', `any of these fields by its name in the API, such as ${fields[0]!.name}=value`).argParser(
      collect,
    ),
  )

const collect = (text: string, before: string[] = []) => [...before, text]

/** The fields that were given, in --set after the flags. */
export function givenIn(values: Values, fields: Field[]): [name: string, text: string][] {
  const flags = fields.flatMap(({ name, flag }) => textsIn(values, flag).map((text): [string, string] => [name, text]))
  const sets = textsIn(values, 'set').map((pair): [string, string] => {
    const equals = pair.indexOf('=')
    if (equals < 1) throw new ConfigError(`--set must be field=value (it is ${JSON.stringify(pair)})`)
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  return [...flags, ...sets]
}

/** The value that commander keeps for a flag, under its name in camel case. */
const textsIn = (values: Values, flag: string) =>
  (values[flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())] ?? []) as string[]
