// The commands and flags as commander knows them: the scripts of all shells are written from this list.
import { type Command, Help } from 'commander'

/** `path` is `link add`, and empty for the program itself. `files`: its arguments are names of files. */
export type Entry = { path: string; commands: Word[]; flags: Flag[]; files: boolean; choices: readonly string[] }
export type Word = { word: string; help: string }
export type Flag = Word & { takes: 'nothing' | 'text' | 'file'; choices: readonly string[] }

const FILE = /^[<[](file|folder)/
/** The value of a setting, which may be a folder or a file. */
const VALUE = '<value>'

/** Every visible command. The flags of the default command are also offered without a command. */
export function entriesOf(program: Command): Entry[] {
  const help = new Help()
  const read = (command: Command, path: string): Entry[] => {
    const commands = help.visibleCommands(command).filter((one) => one.name() !== 'help')
    const given = command.registeredArguments
    return [
      {
        path,
        commands: commands.map((one) => ({ word: one.name(), help: shortened(one.description()) })),
        flags: help.visibleOptions(command).map(({ long, flags, description, required, optional, argChoices = [] }) => {
          const placeholder = flags.slice(flags.search(/[<[]|$/))
          const file = placeholder === VALUE || FILE.test(placeholder)
          const takes = required || optional ? (file ? 'file' : 'text') : 'nothing'
          return { word: long!, help: shortened(description), takes, choices: argChoices }
        }),
        files: given.some((one) => /^(file|folder)$/.test(one.name())),
        choices: given.flatMap(({ argChoices = [] }) => argChoices),
      },
      ...commands.flatMap((one) => read(one, `${path} ${one.name()}`.trim())),
    ]
  }
  const [root, ...others] = read(program, '')
  const serve = others.find(({ path }) => path === 'serve')
  return [{ ...root!, flags: [...root!.flags, ...(serve?.flags ?? []).filter(({ word }) => word !== '--help')] }, ...others]
}

/** The first sentence, on one line of a terminal. */
const shortened = (text: string) => {
  const [sentence = ''] = /^.+?(?=[.:;](\s|$)|$)/.exec(text) ?? []
  return sentence.length > 70 ? `${sentence.slice(0, 69)}…` : sentence
}

/** The flags that take a value, as patterns `'link add --title'`, by the kind of value. */
export function offersOf(entries: Entry[]): { patterns: string[]; takes: Flag['takes']; choices: readonly string[] }[] {
  const offers = new Map<string, { patterns: string[]; takes: Flag['takes']; choices: readonly string[] }>()
  for (const { path, flags } of entries)
    for (const { word, takes, choices } of flags) {
      if (takes === 'nothing') continue
      const key = [takes, ...choices].join(' ')
      const offer = offers.get(key) ?? { patterns: [], takes, choices }
      offer.patterns.push(quoted(`${path} ${word}`))
      offers.set(key, offer)
    }
  return [...offers.values()]
}

/** For bash and zsh. */
export const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
