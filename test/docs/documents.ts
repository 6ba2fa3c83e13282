// The project's documents, taken apart as far as tests ask: blocks, headings, tables, links.

import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path/posix'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export interface Block {
  /** Of its document, as `docs/api.md`. */
  readonly path: string
  /** Of its first fence, from 1. */
  readonly line: number
  /** The first word behind the fence: `sh`, `json`, … */
  readonly language: string
  /** What follows that word. */
  readonly info: string
  readonly text: string
}

export interface Document {
  readonly path: string
  readonly text: string
  readonly blocks: readonly Block[]
  /** Without blocks and comments; lines are where they were. */
  readonly prose: string
}

export function documents(): Document[] {
  return globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map(readDocument)
}

export function readDocument(path: string): Document {
  const text = readFileSync(join(ROOT, path), 'utf8')
  const blocks: Block[] = []
  const prose = text
    .replace(/^(?<fence>`{3,})(?<head>.*)\n(?<body>[^]*?)^\k<fence>[ \t]*$/gm, (all: string, ...rest: unknown[]) => {
      const { head = '', body = '' } = rest.at(-1) as Record<string, string>
      const [language = '', ...info] = head.trim().split(/\s+/)
      const line = text.slice(0, rest.at(-3) as number).split('\n').length
      blocks.push({ path, line, language, info: info.join(' '), text: body })
      return all.replace(/[^\n]/g, '')
    })
    .replace(/<!--[^]*?-->/g, (comment) => comment.replace(/[^\n]/g, ''))
  return { path, text, blocks, prose }
}

export interface Heading {
  readonly level: number
  readonly text: string
}

export function headings({ prose }: Document): Heading[] {
  return [...prose.matchAll(/^(#{1,6}) +(.+?)\s*$/gm)].map(([, marks = '', text = '']) => ({
    level: marks.length,
    text,
  }))
}

/** The cells of every table row that is no head and no ruler, trimmed. */
export function tableRows(markdown: string): string[][] {
  const lines = markdown.split('\n')
  const isRuler = (line: string | undefined) => line !== undefined && /^\|(\s*:?-+:?\s*\|)+\s*$/.test(line)
  return lines
    .filter((line, index) => line.startsWith('|') && !isRuler(line) && !isRuler(lines[index + 1]))
    .map((line) =>
      line
        .replace(/^\||\|\s*$/g, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}

/** What stands below a heading, up to the next of its level or above. */
export function section(document: Document, heading: string): string {
  const lines = document.prose.split('\n')
  const levelOf = (line: string) => /^(#{1,6}) /.exec(line)?.[1]?.length ?? 7
  const start = lines.findIndex((line) => /^#{1,6} /.test(line) && line.replace(/^#+ +/, '').trim() === heading)
  if (start === -1) throw new Error(`${document.path} has no heading "${heading}"`)
  const level = levelOf(lines[start] as string)
  const length = lines.slice(start + 1).findIndex((line) => levelOf(line) <= level)
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n')
}

export interface Link {
  readonly line: number
  readonly target: string
}

export function links({ prose }: Document): Link[] {
  return [...prose.matchAll(/\]\((?<target>[^)\s]+)\)/g)].map((match) => ({
    line: lineAt(prose, match.index),
    target: match.groups?.['target'] ?? '',
  }))
}

/** Words in backticks. */
export function codeWords({ prose }: Document): { readonly line: number; readonly text: string }[] {
  return [...prose.matchAll(/`([^`\n]+)`/g)].map((match) => ({
    line: lineAt(prose, match.index),
    text: match[1] ?? '',
  }))
}

/** As GitHub makes them from a heading. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-')
}

/** A path that a document gives, seen from the root; null: it leads out of the project. */
export function fromRoot(document: Document, target: string): string | null {
  const path = join(dirname(document.path), target)
  return path === '..' || path.startsWith('../') ? null : path
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length
}
