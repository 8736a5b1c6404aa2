// Binds a sign-in to its TLS connection: tls-server-end-point of RFC 5929, the hash of the server's certificate.
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

/** The hash of a certificate's signature, by the DER of its algorithm's identifier; MD5 and SHA-1 count as SHA-256. */
const HASHES: Record<string, string> = {
  '2a864886f70d010104': 'sha256', // md5WithRSA
  '2a864886f70d010105': 'sha256', // sha1WithRSA
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256', // ecdsa-with-SHA1
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
}

/** The channel binding data, which the server must have too. Throws if the certificate's signature has no hash (Ed25519). */
export function endpointOf(socket: TLSSocket): Buffer {
  const certificate = socket.getPeerCertificate?.()?.raw
  if (!certificate) throw new Error('channel_binding=require needs TLS, which the server does not support')
  const hash = HASHES[signatureAlgorithm(certificate)]
  if (!hash) throw new Error('channel_binding=require cannot be met: the certificate of the server is signed without a hash')
  return createHash(hash).update(certificate).digest()
}

/** Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { algorithm OBJECT IDENTIFIER, … }, … }; the identifier, in hex. */
function signatureAlgorithm(der: Buffer): string {
  const certificate = contentOf(der, 0)
  const signed = contentOf(der, certificate.begin)
  const algorithm = contentOf(der, signed.end)
  const identifier = contentOf(der, algorithm.begin)
  return der.toString('hex', identifier.begin, identifier.end)
}

/** The start and end of the content of the value at `at`. */
function contentOf(der: Buffer, at: number): { begin: number; end: number } {
  const first = der[at + 1]!
  const bytes = first < 128 ? 0 : first & 127
  const length = bytes === 0 ? first : der.readUIntBE(at + 2, bytes)
  const begin = at + 2 + bytes
  return { begin, end: begin + length }
}
