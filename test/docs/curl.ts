// Stands in for curl on machines that have none: as much of it as the documents use.

import { parseArgs } from 'node:util'

const { values, positionals } = parseArgs({
  args: process.argv.slice(2),
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    include: { type: 'boolean', short: 'i' },
    request: { type: 'string', short: 'X' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
    output: { type: 'string', short: 'o' },
  },
})

for (const url of positionals) {
  const headers = new Headers(values.header.map((line) => line.split(/:\s*(.*)/s, 2) as [string, string]))
  const method = values.request ?? (values.data === undefined ? 'GET' : 'POST')
  const response = await fetch(url, { method, headers, ...(values.data !== undefined && { body: values.data }) })
  if (values.include === true) {
    const lines = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`)
    process.stdout.write(`HTTP/1.1 ${response.status} ${response.statusText}\r\n${lines.join('')}\r\n`)
  }
  const body = await response.text()
  if (values.output === undefined) process.stdout.write(body)
}
