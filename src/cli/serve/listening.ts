// From a service to an address that it listens on, or to what a person can do about it.

import type { AddressInfo } from 'node:net'
import type { Config } from '../../config.ts'
import type { Service } from '../../wire.ts'

/** For a crowd that connects in one instant. With Node's own 511 the others' systems try again after one second, then three. */
const UNACCEPTED_CONNECTIONS_MAX = 65_535

/** @returns the URL */
export async function listen(service: Service, config: Config): Promise<string> {
  try {
    await service.app.listen({ host: config.host, port: config.port, backlog: UNACCEPTED_CONNECTIONS_MAX })
  } catch (error) {
    await service.close()
    throw listenError(error, config)
  }
  const { address, family, port } = service.app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

/** @throws as Service.prepare(), after it has closed */
export async function prepare(service: Service): Promise<void> {
  try {
    await service.prepare()
  } catch (error) {
    await service.app.close()
    await service.close()
    throw error
  }
}

function listenError(error: unknown, { host, port }: Config): Error {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE')
    return new Error(`port ${port} is in use on ${host}: end what uses it, or set PORT (0: any free one)`)
  if (code === 'EACCES') return new Error(`port ${port} may not be used by this user: set PORT to 1024 or more`)
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new Error(`${host} is not an address of this machine: set HOST`)
  return error instanceof Error ? error : new Error(String(error))
}
