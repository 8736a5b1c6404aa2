import type { Command } from 'commander'
import { bashScript } from './bash.ts'
import { fishScript } from './fish.ts'
import type { Shell } from './shells.ts'
import { entriesOf } from './tree.ts'
import { zshScript } from './zsh.ts'

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript }

/** The script with which `shell` completes the commands and flags of `program`. */
export const completionScript = (program: Command, shell: Shell): string => SCRIPTS[shell](program.name(), entriesOf(program))
