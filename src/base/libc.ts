// The system's C library, for the few calls that the runtime lacks.
import { dlopen, type FFIFunction } from 'bun:ffi'

const NAMES =
  process.platform === 'darwin'
    ? ['libSystem.dylib']
    : ['libc.so.6', `libc.musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`]

/** These functions of the C library; undefined if it has none of the known names. */
export function openLibc<F extends Record<string, FFIFunction>>(functions: F) {
  for (const name of NAMES)
    try {
      return dlopen(name, functions).symbols
    } catch {
      // another libc
    }
  return undefined
}
