// The oldest Node that the service runs on, as package.json says. Plain JavaScript: an older Node runs this, too.

import { readFileSync } from 'node:fs'

/** @type {{ engines: { node: string } }} */
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))

/** A major version. */
export const OLDEST_NODE = Number(/^>=(\d+)$/.exec(manifest.engines.node)?.[1])

export const thisNodeIsTooOld = Number(process.versions.node.split('.')[0]) < OLDEST_NODE
