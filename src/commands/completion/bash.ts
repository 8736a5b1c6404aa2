import { type Entry, offersOf, quoted } from './tree.ts'

/** Works in bash 3.2, which macOS has. */
export function bashScript(program: string, entries: Entry[]): string {
  const offers = offersOf(entries).map(({ patterns, takes, choices }) => {
    const words = choices.length > 0 ? `words=${quoted(choices.join(' '))}` : takes === 'file' ? 'files=1' : ':'
    return `    ${patterns.join('|')}) ${words} ;;`
  })
  const commands = entries.map(({ path, commands, flags, choices, files }) => {
    const words = [...commands.map(({ word }) => word), ...choices].join(' ')
    return `        ${quoted(path)}) words=${quoted(words)} flags=${quoted(flags.map(({ word }) => word).join(' '))}${files ? ' files=1' : ''} ;;`
  })
  return `# bash completion for ${program}: source <(${program} completion bash)
_${program}() {
  local at='' word words='' flags='' files='' cur="\${COMP_WORDS[COMP_CWORD]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${at:+$at }$word" in
      ${pathsOf(entries)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD-1]}" in
${offers.join('\n')}
    *)
      case "$at" in
${commands.join('\n')}
      esac
      case "$cur" in -*) words="$flags" files='' ;; esac
      ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  if [ -n "$files" ]; then
    local IFS=$'\\n'
    compopt -o filenames 2>/dev/null
    COMPREPLY+=($(compgen -f -- "$cur"))
  fi
}
complete -F _${program} ${program}
`
}

const pathsOf = (entries: Entry[]) => entries.flatMap(({ path }) => (path ? quoted(path) : [])).join('|')
