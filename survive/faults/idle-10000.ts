import { connect, type Socket } from 'node:net'
import type { Fault } from '../fault.ts'

const MANY = 10_000
const AT_ONCE = 250

export const idle10000: Fault = {
  name: 'idle-10000',
  about: '10,000 idle connections to one replica',
  signs: {
    metric: /^process_open_fds 1\d{4}/,
    log: /few file descriptors are left/,
    alert: /^descriptors_low firing/,
    console: /^\S+: 10,\d{3} of 12,000 file descriptors are open/,
  },
  lacks: () => {
    const limit = Number(Bun.spawnSync(['sh', '-c', 'ulimit -n']).stdout.toString().trim())
    return limit < MANY + 2_000 ? `a process may open ${limit} files here: ulimit -n ${MANY + 2_000}` : undefined
  },
  atLeast: 8,
  async begin({ members }, { random, note }) {
    const { replica } = random.of(members)
    const sockets: Socket[] = []
    for (let i = 0; i < MANY; i += AT_ONCE) {
      const opening = Array.from({ length: AT_ONCE }, () => opened(replica))
      sockets.push(...(await Promise.all(opening)).filter((socket) => socket !== undefined))
    }
    note(`${sockets.length} connections`)
    await Bun.sleep(4_000) // to open them may have taken all the time: in this it says so
    return {
      async end() {
        for (const socket of sockets) socket.destroy()
      },
    }
  },
}

const opened = ({ host, port }: { host: string; port: number }) =>
  new Promise<Socket | undefined>((done) => {
    const socket = connect(port, host)
    socket.once('connect', () => done(socket)).on('error', () => done(undefined))
  })
