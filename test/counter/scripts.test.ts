// What both Lua scripts say, word for word, since a script in Redis cannot load another.

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const functionsOf = (name: string) => {
  const text = readFileSync(new URL(`../../src/counter/${name}.lua`, import.meta.url), 'utf8')
  return [...text.matchAll(/^local function [^]*?^end$/gm)].map(([found]) => found)
}

test('reserve and resync draw the line of what an integer is in the same place', () => {
  expect(functionsOf('reserve')).toHaveLength(2)
  expect(functionsOf('resync')).toEqual(functionsOf('reserve'))
})
