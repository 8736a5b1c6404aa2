// Where the suite has a network of its own (apart.ts): each replica in a namespace, with two cables. One leads to the front, where nginx, the
// suite and the other replicas are, one to the back, where the databases are. What a cut does to connections is the kernel's doing, not ours:
// sent data is repeated at growing intervals, and nobody is notified.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { atEnd } from '../test/at-end.ts'
import { apartNetwork } from './apart.ts'

export type Network = NonNullable<ReturnType<typeof openNetwork>>

/** `unplugged`: the replica's own cable, and its system sees that; `silent`: somewhere on the way, and nothing shows it. */
export const CUTS = ['unplugged', 'silent'] as const
export type Cut = (typeof CUTS)[number]

const NETS = [
  { name: 'front', prefix: '10.98.0' },
  { name: 'back', prefix: '10.99.0' },
]
const FIRST = 11 // the host number of replica 1
/** Longer than the kernel sends what is left of a connection that its process has closed. */
const FORGOTTEN_FOR = '10m'

/** Undefined where there is none, and wires (wire.ts) have to do. Names its namespaces by files in `folder`. */
export function openNetwork(folder: string, count: number) {
  if (!apartNetwork) return undefined
  ip('link set lo up')
  mkdirSync(folder)
  const forgetNames = () => Bun.spawnSync(['umount', '-l', folder], { stderr: 'ignore' })
  const calledOff = atEnd(forgetNames)
  const close = () => {
    calledOff()
    forgetNames()
  }
  try {
    run(['mount', '-t', 'tmpfs', 'tmpfs', folder])
    for (const { name, prefix } of NETS)
      ip(`link add ${name} type bridge`, `addr add ${prefix}.1/24 dev ${name}`, `link set ${name} up`)
    const places = Array.from({ length: count }, (_, index) => placeOf(join(folder, `replica-${index + 1}`), FIRST + index))
    /** `back`: where replicas reach what listens in the suite's own namespace. */
    return { back: `${NETS[1]!.prefix}.1`, places, close }
  } catch (error) {
    console.warn(`no network of its own, wires are cut instead: ${(error as Error).message}`)
    close()
    return undefined
  }
}

function placeOf(file: string, host: number) {
  writeFileSync(file, '')
  run(['unshare', `--net=${file}`, 'true'])
  const enter = ['nsenter', `--net=${file}`, '--']
  for (const { name } of NETS)
    ip(
      `link add ${name}${host} type veth peer name ${name} netns ${file}`,
      `link set ${name}${host} master ${name}`,
      `link set ${name}${host} up`,
    )
  const inside = NETS.flatMap(({ name, prefix }) => [`addr add ${prefix}.${host}/24 dev ${name}`, `link set ${name} up`])
  run([...enter, 'ip', '-batch', '-'], ['link set lo up', ...inside])
  run(
    [...enter, 'nft', '-f', '-'],
    [
      'table ip survive {',
      `set forgotten { type inet_service . inet_service; flags dynamic,timeout; timeout ${FORGOTTEN_FOR}; }`,
      'chain out { type filter hook output priority 0;',
      // A new connection may have the ports of a forgotten one: a network that forgot knows nothing against it.
      'oifname "back" tcp flags & (syn | ack) == syn delete @forgotten { tcp sport . tcp dport };',
      'oifname "back" tcp sport . tcp dport @forgotten drop; }',
      'chain in { type filter hook input priority 0; iifname "back" tcp dport . tcp sport @forgotten drop; }',
      '}',
    ],
  )
  const port = `back${host}` // the host's end of the cable
  return {
    host: `${NETS[0]!.prefix}.${host}`,
    /** Begins a command that is to run there. */
    enter,
    cut: (how: Cut) => ip(how === 'unplugged' ? `link set ${port} down` : `link set ${port} nomaster`),
    heal: () => ip(`link set ${port} master back`, `link set ${port} up`),
    /** Lets nothing of these connections through any more, either way, so that both ends go on holding them open. */
    forget(connections: { here: number; there: number }[]) {
      if (connections.length === 0) return
      const pairs = connections.map(({ here, there }) => `${here} . ${there}`).join(', ')
      run([...enter, 'nft', '-f', '-'], [`add element ip survive forgotten { ${pairs} }`])
    },
  }
}

const ip = (...lines: string[]) => run(['ip', '-batch', '-'], lines)

function run(command: string[], lines: string[] = []) {
  const { exitCode, stderr } = Bun.spawnSync(command, { stdin: Buffer.from(`${lines.join('\n')}\n`), stderr: 'pipe' })
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString().trim()}`)
}
