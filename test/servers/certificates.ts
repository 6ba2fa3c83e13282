// An authority, and certificates of it, made by the program `openssl`.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './find.ts'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority {
  /** File of its own certificate. */
  readonly ca: string
  /** Files. @param names as `DNS:localhost` or `IP:127.0.0.1` */
  certify(name: string, names: readonly string[]): Certificate
  close(): void
}

const DAYS = '2'

export function newAuthority(): Authority {
  const program = findProgram(['openssl'])
  if (program === null) throw new Error('no openssl on this machine: tests of TLS make their certificates with it')
  const folder = mkdtempSync(join(tmpdir(), 'firstcome-tls-'))
  const at = (file: string) => join(folder, file)
  const openssl = (...args: string[]) => execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc']
  const ca = at('ca.pem')
  openssl('req', '-x509', ...key, '-subj', '/CN=Firstcome tests', '-days', DAYS, '-keyout', at('ca.key'), '-out', ca)
  return {
    ca,
    certify(name, names) {
      const files = { cert: at(`${name}.pem`), key: at(`${name}.key`) }
      const request = at(`${name}.csr`)
      openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', files.key, '-out', request)
      writeFileSync(at(`${name}.ext`), `subjectAltName=${names.join()}\n`)
      const signing = ['-CA', ca, '-CAkey', at('ca.key'), '-CAcreateserial', '-days', DAYS]
      openssl('x509', '-req', '-in', request, ...signing, '-extfile', at(`${name}.ext`), '-out', files.cert)
      return files
    },
    close: () => rmSync(folder, { recursive: true }),
  }
}
