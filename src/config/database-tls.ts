// The TLS options of DATABASE_URL, with libpq's meaning.

export type Tls = {
  /** Falls back to no TLS if the server does not support it: allow, prefer. */
  optional: boolean
  /** Which certificates are accepted. Undefined: any; ca: one signed by the CA; full: one for this host. */
  verify?: 'ca' | 'full'
  /** PEM. Undefined: the built-in CAs. */
  ca?: string
  /** Trusts the machine's CAs. */
  system: boolean
  cert?: string
  key?: string
  passphrase?: string
  /** Sends the host name (SNI). */
  serverName: boolean
  /** Starts TLS at once, without asking the server first. */
  direct: boolean
  minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
  maxVersion?: Tls['minVersion']
  /** channel_binding=require: refuses a sign-in that is not bound to this TLS connection. */
  bound: boolean
}
