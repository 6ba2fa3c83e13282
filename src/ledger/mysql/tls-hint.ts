// What an operator can do about a connection that failed for the sake of TLS. The driver gives all that can be wrong with a
// certificate one code and tells them apart by text only; its texts stay here.

import { ER_ACCESS_DENIED, ER_SECURE_TRANSPORT_REQUIRED, serverError } from './errors.ts'

/** To stand behind the label of the error; empty when TLS has nothing to do with it. */
export function tlsHint(error: unknown, isTls: boolean): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : ''
  if (code === 'HANDSHAKE_NO_SSL_SUPPORT') return ' (the server offers no TLS: see ssl-mode of the URL)'
  if (code === 'HANDSHAKE_SSL_ERROR') return ` (${reason(text)})`
  const errno = serverError(error)?.errno
  if (errno === ER_SECURE_TRANSPORT_REQUIRED) {
    return ' (the server takes TLS only: put ?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE behind the URL)'
  }
  // Of MariaDB, and of a user with REQUIRE SSL, that is all we are told.
  return errno === ER_ACCESS_DENIED && !isTls
    ? ' (user, password, or a user who must use TLS: see ssl-mode of the URL)'
    : ''
}

function reason(text: string): string {
  if (/altnames/.test(text))
    return "the certificate is for another host: ssl-mode=VERIFY_CA does not look at the host's name"
  if (/expired/.test(text)) return 'the certificate has expired'
  if (/certificate/.test(text)) return 'the certificate is of nobody who is trusted here: name its authority by ssl-ca'
  return 'the TLS handshake failed'
}
