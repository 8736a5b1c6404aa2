import { connect, type Socket } from 'node:net'
import { type Fault, grown } from '../fault.ts'

const EACH = 100

export const slowClients: Fault = {
  name: 'slow-clients',
  about: '100 clients at nginx and 100 at each replica that send a header byte by byte and never finish',
  signs: { metric: grown(/^process_open_fds$/, 50) },
  async begin({ url, members }) {
    const sockets: Socket[] = []
    for (const base of [url, ...members.map(({ replica }) => replica.url)])
      for (let i = 0; i < EACH; i++) {
        const { hostname, port } = new URL(base)
        const socket = connect(Number(port), hostname).on('error', () => {})
        socket.write('GET /slow HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
        sockets.push(socket)
      }
    const drip = setInterval(() => sockets.forEach((socket) => socket.writable && socket.write('a')), 1_000)
    return {
      async end() {
        clearInterval(drip)
        for (const socket of sockets) socket.destroy()
      },
    }
  },
}
