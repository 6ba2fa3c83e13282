// One clear line instead of a syntax error in the first TypeScript file, where Node is too old. `npm ci` brings a newer
// one, unless it was told `--ignore-scripts`. Used as `node --import ./tools/require-node.mjs …`.

import { OLDEST_NODE, thisNodeIsTooOld } from './oldest-node.mjs'

if (thisNodeIsTooOld) {
  process.stderr.write(
    `firstcome: this is Node ${process.version}, and Node ${OLDEST_NODE} or newer is needed. ` +
      'Install it, or run `npm run prepare`, which brings one into node_modules.\n',
  )
  process.exit(1)
}
