import type { Entry } from './tree.ts'

/** A line for each command and flag. Its condition lists the commands at which it is offered. */
export function fishScript(program: string, entries: Entry[]): string {
  const paths = new Map<string, string[]>()
  for (const { path, commands, flags, choices, files } of entries)
    for (const offer of [
      ...commands.map(({ word, help }) => `-a ${quoted(word)} -d ${quoted(help)}`),
      ...(choices.length > 0 ? [`-a ${quoted(choices.join(' '))}`] : []),
      ...(files ? ['-F'] : []),
      ...flags.map(({ word, help, takes, choices }) => {
        const value = choices.length > 0 ? ` -x -a ${quoted(choices.join(' '))}` : takes === 'file' ? ' -r -F' : ' -x'
        return `-l ${word.slice(2)} -d ${quoted(help)}${takes === 'nothing' ? '' : value}`
      }),
    ])
      paths.set(offer, [...(paths.get(offer) ?? []), quoted(path)])
  const known = entries.flatMap(({ path }) => (path ? quoted(path) : []))
  return `# fish completion for ${program}: ${program} completion fish | source
function __${program}_at
  set -l at
  for word in (commandline -opc)[2..]
    if contains -- (string join ' ' -- $at $word) ${known.join(' ')}
      set -a at $word
    end
  end
  contains -- "$at" $argv
end
complete -c ${program} -f
${[...paths].map(([offer, at]) => `complete -c ${program} -n ${quoted(`__${program}_at ${at.join(' ')}`)} ${offer}`).join('\n')}
`
}

/** Unlike in other shells, a backslash escapes within quotes. */
const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
