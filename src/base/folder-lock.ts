// flock(2) on a file handle: the kernel's lock of a file or folder, which a rename or removal does not affect. The runtime has no call for it.
import { read } from 'bun:ffi'
import { openLibc } from './libc.ts'

const IN_USE = process.platform === 'darwin' ? 35 : 11 // EWOULDBLOCK
const EXCLUSIVE_AT_ONCE = 2 | 4 // LOCK_EX | LOCK_NB

const errno = process.platform === 'darwin' ? '__error' : '__errno_location'
const system = openLibc({ flock: { args: ['i32', 'i32'], returns: 'i32' }, [errno]: { args: [], returns: 'ptr' } })

/** Locks the file or folder that `handle` has open until it is closed. `none`: this system or file system (NFS, for a folder) does not support it. */
export function lockHandle(handle: number): 'held' | 'taken' | 'none' {
  if (!system) return 'none'
  if (system.flock!(handle, EXCLUSIVE_AT_ONCE) === 0) return 'held'
  const address = system[errno]!()
  return typeof address === 'number' && read.i32(address) === IN_USE ? 'taken' : 'none'
}
