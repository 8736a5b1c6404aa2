// Which of the listeners on one port gets new connections. Linux distributes them by a hash over all that have the port open (SO_REUSEPORT). A
// listener that closes resets the connections that still wait in its queue, so it must stop getting any first. Linux lets any process of the
// group attach a small program (classic BPF) that picks the listener: that is how one is avoided.
import { ptr } from 'bun:ffi'
import { readdirSync } from 'node:fs'
import { openLibc } from '../base/libc.ts'
import type { Some } from './messages.ts'

const SOL_SOCKET = 1
const SO_ACCEPTCONN = 30
const SO_ATTACH_REUSEPORT_CBPF = 51
const SO_DETACH_REUSEPORT_BPF = 68
const INTERNET = [2, 10] // AF_INET, AF_INET6
const RANDOM = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM: where a program finds a random number

const open = () =>
  openLibc({
    setsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'u32'], returns: 'i32' },
    getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
    getsockname: { args: ['i32', 'ptr', 'ptr'], returns: 'i32' },
  })

type Libc = NonNullable<ReturnType<typeof open>>

/** Steers new connections to `port`, which this process has open; undefined if it has not, or the system has no such calls. */
export function steeringOf(port: number) {
  const libc = open()
  if (!libc) return undefined
  const sockets = () => socketsAt(libc, port)
  const listener = sockets().find((descriptor) => isListening(libc, descriptor))
  if (listener === undefined) return undefined
  const set = (option: number, value: ArrayBufferView, size: number) =>
    libc.setsockopt(listener, SOL_SOCKET, option, ptr(value as Uint8Array), size) === 0
  return {
    /** Lets these listeners get no new connections; false if the system refuses. */
    avoid(some: Some): boolean {
      const program = programThatAvoids(some)
      const described = new DataView(new ArrayBuffer(16)) // struct sock_fprog
      described.setUint16(0, program.byteLength / 8, true)
      described.setBigUint64(8, BigInt(ptr(program)), true)
      return set(SO_ATTACH_REUSEPORT_CBPF, described, 16)
    },
    /** Lets all of them get new connections. */
    spread: () => set(SO_DETACH_REUSEPORT_BPF, new Int32Array(1), 4),
    /** Number of connections to the port that this process has open. */
    connections: () => sockets().filter((descriptor) => !isListening(libc, descriptor)).length,
  }
}

/** Draws one of the other listeners: a random number below their count, plus one for each avoided index that it reaches. */
function programThatAvoids({ indices, count }: Some): Uint8Array {
  const instructions = [
    { code: 0x20, k: RANDOM }, // load
    { code: 0x94, k: count - indices.length }, // modulo
    ...indices.flatMap((index) => [
      { code: 0x35, k: index, otherwise: 1 }, // if it is at least `index`, else skip one
      { code: 0x04, k: 1 }, // add
    ]),
    { code: 0x16, k: 0 }, // return
  ]
  const bytes = new DataView(new ArrayBuffer(instructions.length * 8)) // struct sock_filter
  for (const [at, { code, k, otherwise = 0 }] of instructions.entries()) {
    bytes.setUint16(at * 8, code, true)
    bytes.setUint8(at * 8 + 3, otherwise)
    bytes.setUint32(at * 8 + 4, k, true)
  }
  return new Uint8Array(bytes.buffer)
}

function isListening(libc: Libc, descriptor: number): boolean {
  const [value, length] = [new Int32Array(1), new Uint32Array([4])]
  return libc.getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(length)) === 0 && value[0] === 1
}

/** The descriptors of this process's sockets whose own end is `port`: the runtime does not tell them. */
function socketsAt(libc: Libc, port: number): number[] {
  const address = new DataView(new ArrayBuffer(128)) // struct sockaddr_in or sockaddr_in6
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((descriptor) => {
      const length = new Uint32Array([address.byteLength])
      if (libc.getsockname(descriptor, ptr(address), ptr(length)) !== 0) return false
      return INTERNET.includes(address.getUint16(0, true)) && address.getUint16(2) === port
    })
}
