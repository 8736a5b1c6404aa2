import { type Entry, offersOf, quoted, type Word } from './tree.ts'

export function zshScript(program: string, entries: Entry[]): string {
  const offers = offersOf(entries).map(({ patterns, takes, choices }) => {
    const offer = choices.length > 0 ? `compadd -- ${choices.map(quoted).join(' ')}` : takes === 'file' ? '_files' : ':'
    return `    ${patterns.join('|')}) ${offer}; return ;;`
  })
  const commands = entries.map(({ path, commands, flags, choices, files }) => {
    const words = [...commands, ...choices.map((word) => ({ word, help: '' }))]
    return `    ${quoted(path)}) commands=(${listOf(words)}) flags=(${listOf(flags)})${files ? ' files=1' : ''} ;;`
  })
  return `#compdef ${program}
# zsh completion for ${program}: source <(${program} completion zsh), or save it as _${program} in a folder of $fpath
_${program}() {
  local at='' word files=''
  local -a commands flags
  for word in \${words[2,CURRENT-1]}; do
    case "\${at:+$at }$word" in
      ${pathsOf(entries)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${offers.join('\n')}
  esac
  case "$at" in
${commands.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    _describe -o flag flags
    return
  fi
  (( \${#commands} )) && _describe command commands
  [[ -n $files ]] && _files
}
if [[ \${funcstack[1]} == _${program} ]]; then _${program} "$@"; else compdef _${program} ${program}; fi
`
}

const listOf = (words: Word[]) =>
  words.map(({ word, help }) => quoted(help ? `${word}:${help.replaceAll(':', '\\:')}` : word)).join(' ')

const pathsOf = (entries: Entry[]) => entries.flatMap(({ path }) => (path ? quoted(path) : [])).join('|')
