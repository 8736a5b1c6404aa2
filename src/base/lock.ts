import { Database } from 'bun:sqlite'
import { closeSync, constants, openSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { lockHandle } from './folder-lock.ts'

// A garbage-collected handle releases its lock, so they are kept reachable.
const held = ((globalThis as { waypostLocks?: Set<Database> }).waypostLocks ??= new Set())

/**
 * Locks an existing folder; undefined if another process (or this one) has it. There are two locks: lock.sqlite in the folder, which older releases
 * know, and the folder itself, which cannot be removed from under a running process.
 */
export function tryLockFolder(folder: string): (() => void) | undefined {
  const handle = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
  const unlock = lockHandle(handle) === 'taken' ? undefined : tryLock(join(folder, 'lock.sqlite'))
  if (!unlock) {
    closeSync(handle)
    return undefined
  }
  return () => {
    unlock()
    closeSync(handle)
  }
}

/**
 * Locks `file`; undefined if another process (or this one) has it. The lock is an exclusive SQLite transaction: the kernel releases it on kill -9,
 * and it needs no process ids, which are all 1 in containers. Throws if the file cannot be locked at all.
 */
export function tryLock(file: string): (() => void) | undefined {
  let database = open(file)
  if (database === 'damaged') {
    renameSync(file, `${file}.unreadable`) // it has no content
    database = open(file)
  }
  if (database === 'taken') return undefined
  if (database === 'damaged') throw new Error(`${file} cannot be used as a lock: remove it`)
  const locked = database
  held.add(locked)
  return () => {
    held.delete(locked)
    locked.close()
  }
}

function open(file: string): Database | 'taken' | 'damaged' {
  let database: Database | undefined
  try {
    database = new Database(file, { create: true })
    database.run('pragma busy_timeout = 0')
    database.run('pragma locking_mode = exclusive')
    database.run('begin exclusive')
    return database
  } catch (error) {
    database?.close()
    const { code, message } = error as { code?: string; message: string }
    if (/^SQLITE_(BUSY|LOCKED)/.test(code ?? '')) return 'taken'
    if (/^SQLITE_(NOTADB|CORRUPT)/.test(code ?? '')) return 'damaged'
    throw new Error(`${file} cannot be locked (${message}): check its permissions, and whether its disk is full or read-only`)
  }
}
