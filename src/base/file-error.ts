// Why a file or folder could not be opened, read or written, as text.
import { readdirSync } from 'node:fs'

const CAUSES: Record<string, string> = {
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'its file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EFBIG: 'it is too large for its file system',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open on this machine',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its symbolic links form a loop',
  EIO: 'the disk reports an error',
  EPIPE: 'its reader has closed it',
}

/** `it does not exist, ENOENT`; for other errors, their code or message. */
export function causeOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const words = CAUSES[code ?? '']
  return words ? `${words}, ${code}` : (code ?? message ?? String(error))
}

/** True for file system errors, false for those of a database or the network. */
export const isFileError = (error: unknown): boolean => Object.hasOwn(CAUSES, (error as NodeJS.ErrnoException)?.code ?? '')

/** The names in a folder. Throws a sentence if it does not exist, is not a folder, or cannot be read. */
export function assertFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new Error(`the folder ${folder} does not exist`)
    if (code === 'ENOTDIR') throw new Error(`${folder} is a file, not a folder`)
    throw new Error(`the folder ${folder} cannot be read: ${causeOf(error)}`)
  }
}
