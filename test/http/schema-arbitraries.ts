// Values that fit a schema of the OpenAPI document, and such that are wrong in one place. Only what our schemas use.

import fc from 'fast-check'
import { DOCUMENT, type Schema } from './documented.ts'

/** Something that must not be there, or must be. */
export const LEFT_OUT = Symbol('left out')

/** What to put where, and where that shows. */
export interface Breakage {
  readonly path: readonly string[]
  readonly value: unknown
}

export function pointerOf(path: readonly string[]): string {
  return path.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

const SPECIAL_TEXTS = [
  '가'.repeat(255),
  '🎟'.repeat(255),
  'עברית \u202e x',
  ' a\u3000',
  '%_\\\'"',
  '=1+1',
  '__proto__',
  '0',
]
/** Of what is not more closely described: 1–255 characters, trimmed, no control characters. */
const goodText = fc.oneof(
  fc.constantFrom(...SPECIAL_TEXTS),
  fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
    .filter((text) => text.trim() !== '' && !/\p{Cc}/u.test(text)),
)
const badText = fc.constantFrom('', ' \u3000', 'a\0b', 'a\nb', '\x7f', 'a'.repeat(256), '🎟'.repeat(256), '\ud83c')
const badTime = fc.oneof(
  fc.constantFrom(
    '2027-03-02T10:00:00',
    '2027-02-30T10:00:00Z',
    '2027-03-02T10:00:00.0001Z',
    '1969-12-31T00:00:00Z',
    '',
  ),
  fc.string({ maxLength: 20 }).filter((text) => text !== 'now'),
)
/** Any size that a body may have, and no number that JSON would change. */
const note = fc.oneof(fc.maxSafeInteger(), fc.boolean(), fc.constant(null), goodText)
const key = fc.string({ maxLength: 8 }).filter((name) => name !== '__proto__')
const notes = fc.dictionary(
  key,
  fc.oneof(note, fc.array(note, { maxLength: 3 }), fc.dictionary(key, note, { maxKeys: 2 })),
  {
    maxKeys: 4,
  },
)
const badNotes = fc.constantFrom(
  { a: { a: { a: { a: { a: {} } } } } },
  { a: '가'.repeat(1_400) },
  { a: 2 ** 53 },
  { a: ['\ud800'] },
  { '\udc00': 1 },
)

export function resolved<T extends { readonly $ref?: string }>(given: T): T {
  if (given.$ref === undefined) return given
  const [, , kind, name] = given.$ref.split('/') as [string, string, 'schemas', string]
  return DOCUMENT.components[kind][name] as unknown as T
}

export function fitting(given: Schema): fc.Arbitrary<unknown> {
  const schema = resolved(given)
  const { type, anyOf, properties, required = [], pattern, examples, minimum, maximum } = schema
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map(fitting))
  switch (type) {
    case 'string':
      if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
      return examples === undefined ? goodText : fc.constantFrom(...examples)
    case 'integer':
      return fc.integer(defined({ min: minimum, max: maximum }))
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'object': {
      if (properties === undefined) return notes
      const values = Object.entries(properties).map(([name, value]) => [name, fitting(value)] as const)
      return fc.record(Object.fromEntries(values), { requiredKeys: [...required], noNullPrototype: true })
    }
    default:
      throw new Error(`no values are made for ${JSON.stringify(schema)}`)
  }
}

/** One thing that is wrong with a value that else fits. */
export function breaking(given: Schema, path: readonly string[] = []): fc.Arbitrary<Breakage> {
  const schema = resolved(given)
  const here = (values: fc.Arbitrary<unknown>) => values.map((value) => ({ path, value }))
  const wrongType = here(fc.constantFrom<unknown>(...wrongTypes(schema)))
  const { type, anyOf, properties, required = [], pattern, examples, minimum, maximum } = schema
  if (schema.enum !== undefined) {
    return fc.oneof(wrongType, here(fc.string({ maxLength: 9 }).filter((text) => !schema.enum?.includes(text))))
  }
  if (anyOf !== undefined) {
    const others = anyOf.filter(({ type }) => type !== 'null').map((one) => breaking(one, path))
    return fc.oneof(...others).filter(({ value }) => value !== null)
  }
  switch (type) {
    case 'string':
      if (pattern !== undefined) throw new Error('a pattern in a body')
      return fc.oneof(wrongType, here(examples === undefined ? badText : badTextLike(String(examples[0]))))
    case 'integer':
      return fc.oneof(wrongType, here(fc.constantFrom((minimum ?? 0) - 1, (maximum ?? 0) + 1, 1.5, 1e10, -1)))
    case 'object': {
      if (properties === undefined) return fc.oneof(wrongType, here(badNotes))
      const names = Object.keys(properties)
      const unknown = fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('constructor', 'toString', '', 'a/b', '~'))
      return fc.oneof(
        wrongType,
        unknown
          .filter((name) => !names.includes(name) && name !== '__proto__')
          .map((name) => ({ path: [...path, name], value: 1 })),
        ...required.map((name) => fc.constant({ path: [...path, name], value: LEFT_OUT })),
        ...names.map((name) => breaking(properties[name] as Schema, [...path, name])),
      )
    }
    default:
      return wrongType
  }
}

/** The value with that one thing in it; on the way to it objects are made where there is none. */
export function broken(value: unknown, { path, value: wrong }: Breakage): unknown {
  const [name, ...rest] = path
  if (name === undefined) return wrong
  const { [name]: child, ...others } = value as Record<string, unknown>
  const put = broken(child ?? {}, { path: rest, value: wrong })
  return put === LEFT_OUT ? others : { ...others, [name]: put }
}

/** Of what an example stands for: an id, a prefix or a time. */
function badTextLike(example: string): fc.Arbitrary<string> {
  if (/^\d{4}-/.test(example)) return badTime
  return fc.constantFrom('a/b', '..', '가', ' ', '-é', 'x'.repeat(65))
}

function wrongTypes({ type, anyOf = [] }: Schema): unknown[] {
  const fits = new Set([type, ...anyOf.map((one) => one.type)])
  const kinds: [Schema['type'], unknown][] = [
    ['string', '5'],
    ['integer', 5],
    ['boolean', true],
    ['null', null],
    ['array', []],
    ['object', {}],
  ]
  // An enum has no type: all of ours are of strings.
  return kinds
    .filter(([kind]) => !fits.has(kind) && !(type === undefined && anyOf.length === 0 && kind === 'string'))
    .map(([, value]) => value)
}

export function defined<T extends object>(options: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
}
