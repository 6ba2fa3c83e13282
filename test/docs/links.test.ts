// What the documents point at is there, and they point at nothing outside the project.

import { existsSync, globSync } from 'node:fs'
import { join } from 'node:path/posix'
import { describe, expect, test } from 'vitest'
import { anchor, codeWords, documents, fromRoot, headings, links, readDocument, ROOT } from './documents.ts'

/** A word in backticks that can only be a path of this project. */
const REPO_PATH =
  /^(?:\.ci|bench|clients|console|deploy|docs|examples|src|test|tools)\/[\w.*/-]*$|^[\w.-]+\.(?:md|yaml)$/

describe.each(documents().map((document) => [document.path, document] as const))('%s', (_path, document) => {
  test('every relative link leads to a file and a heading', () => {
    const broken = links(document).flatMap(({ line, target }) => {
      if (/^[a-z]+:/i.test(target)) return []
      const [file = '', fragment] = target.split('#')
      const path = file === '' ? document.path : fromRoot(document, file)
      if (path === null || !existsSync(join(ROOT, path))) return [`line ${line}: ${target}`]
      if (fragment === undefined || !path.endsWith('.md')) return []
      const anchors = headings(readDocument(path)).map(({ text }) => anchor(text))
      return anchors.includes(decodeURIComponent(fragment)) ? [] : [`line ${line}: ${target}: no such heading`]
    })
    expect(broken).toEqual([])
  })

  test('every path in backticks exists', () => {
    const missing = codeWords(document).flatMap(({ line, text }) => {
      if (!REPO_PATH.test(text)) return []
      // Some name a neighbour, as one does in its folder.
      const places = [text, fromRoot(document, text)].filter((path) => path !== null)
      return places.some((path) => globSync(path, { cwd: ROOT }).length > 0) ? [] : [`line ${line}: ${text}`]
    })
    expect(missing).toEqual([])
  })

  test('stands alone: no folder of one machine, no document that is not here', () => {
    expect(document.text).not.toMatch(/(?<![\w.])\/(?:home|root|tmp|Users|work)\//)
    const foreign = [...document.text.matchAll(/[\w./-]+\.md\b/g)].flatMap(([path]) => {
      const places = [path, fromRoot(document, path)].filter((place) => place !== null)
      return places.some((place) => existsSync(join(ROOT, place))) ? [] : [path]
    })
    expect(foreign).toEqual([])
    const outside = [...document.text.matchAll(/(?<![\w.])(?:\.\.\/)+[\w./-]*/g)].filter(
      ([path]) => fromRoot(document, path) === null,
    )
    expect(outside).toEqual([])
  })
})
