// README.ko.md is README.md in Korean: whoever changes one is told to change the other.

import { describe, expect, test } from 'vitest'
import { headings, links, readDocument, tableRows, type Document } from './documents.ts'

const english = readDocument('README.md')
const korean = readDocument('README.ko.md')

test('the same headings, level by level', () => {
  const levels = (document: Document) => headings(document).map(({ level }) => level)
  expect(levels(korean)).toEqual(levels(english))
})

test('the same blocks of code, letter by letter', () => {
  const blocks = ({ blocks }: Document) => blocks.map(({ language, info, text }) => ({ language, info, text }))
  expect(blocks(korean)).toEqual(blocks(english))
})

test('the same links, apart from those to each other', () => {
  const targets = (document: Document) =>
    links(document)
      .map(({ target }) => target.replace(/^README(\.ko)?\.md/, 'README'))
      .filter((target) => !target.startsWith('#'))
      .sort()
  expect(targets(korean)).toEqual(targets(english))
})

test('tables of the same size', () => {
  const sizes = ({ prose }: Document) => tableRows(prose).map((cells) => cells.length)
  expect(sizes(korean)).toEqual(sizes(english))
})

describe('the same figures', () => {
  const sections = ({ prose }: Document) => prose.split(/^#{1,6} .*$/m)
  const figures = (text: string) =>
    [...text.replace(/\]\([^)]*\)/g, ']').matchAll(/\d(?:[\d,.]*\d)?/g)].map(([figure]) => figure).sort()
  const names = ['in front of the first heading', ...headings(english).map(({ text }) => `below "${text}"`)]
  test.each(names.map((name, index) => [name, index] as const))('%s', (_name, index) => {
    expect(figures(sections(korean)[index] ?? '')).toEqual(figures(sections(english)[index] ?? ''))
  })
})
