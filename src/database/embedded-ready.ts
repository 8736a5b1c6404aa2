// A new cluster, ready to unpack: initdb takes five seconds of processor time, so build.ts runs it once. Migrations run on it as on any empty one.
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { version } from '../../node_modules/@electric-sql/pglite/package.json' with { type: 'json' }
import { assetsFolder } from '../base/executable.ts'
import { CLUSTER } from './embedded-files.ts'
import { newIdentifier, setIdentifier } from './embedded-identifier.ts'

/** The packed cluster's file. It does not exist if Waypost runs from source that was not built. */
export const READY = join(assetsFolder, `${CLUSTER}-${version}.zst`)

type Contents = { folders: string[]; files: { name: string; size: number }[] }

const LENGTH = 4 // bytes, in front of the contents

/** The cluster in `folder`, which nothing uses, as one compressed file with a checksum. */
export function packCluster(folder: string): Buffer {
  const names = (readdirSync(folder, { recursive: true }) as string[]).sort()
  const [folders, files] = [true, false].map((wanted) =>
    names.filter((name) => statSync(join(folder, name)).isDirectory() === wanted),
  ) as [string[], string[]]
  const read = files.map((name) => readFileSync(join(folder, name)))
  const contents: Contents = { folders, files: files.map((name, i) => ({ name, size: read[i]!.length })) }
  const list = Buffer.from(JSON.stringify(contents))
  const length = Buffer.alloc(LENGTH)
  length.writeUInt32LE(list.length)
  return zstdCompressSync(Buffer.concat([length, list, ...read]), {
    params: { [constants.ZSTD_c_compressionLevel]: 19, [constants.ZSTD_c_checksumFlag]: 1 },
  })
}

/**
 * Unpacks a cluster into `folder`, which is empty, with a new system identifier. Syncs nothing. Throws if `packed` is damaged, and the disk's error; then
 * part of the files exist.
 */
export function unpackCluster(packed: Uint8Array, folder: string) {
  const bytes = Bun.zstdDecompressSync(packed) // that of node:zlib takes half a file for a whole one
  let at = LENGTH + bytes.readUInt32LE(0)
  const { folders, files } = JSON.parse(bytes.toString('utf8', LENGTH, at)) as Contents
  const identifier = newIdentifier()
  for (const name of folders) mkdirSync(join(folder, name), { mode: 0o700 })
  for (const { name, size } of files) {
    const file = bytes.subarray(at, (at += size))
    setIdentifier(name, file, identifier)
    writeFileSync(join(folder, name), file, { mode: 0o600 })
  }
}
