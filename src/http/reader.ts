// Compiles a schema into a reader: what comes out has its type, or an InvalidRequest names every wrong field.

import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { InvalidRequest, type WrongField } from './invalid-request.ts'

/** Of a body full of nonsense the first few mistakes are enough. */
const ERRORS_MAX = 20
/** A key that the caller made up is told back, but not a page of it. */
const POINTER_LENGTH_MAX = 100

/** Throws InvalidRequest unless the body fits. No body is an empty object. No value is changed: "5" is not 5. */
export function bodyReader<T extends TSchema>(schema: T): (body: unknown) => Static<T> {
  return readerOf<Static<T>>(schema, 'body', (body) => (body === undefined ? {} : body))
}

/** As for bodies, but a query knows only strings: digits become integers where the schema has them. */
export function queryReader<T extends TSchema>(schema: T): (query: unknown) => Static<T> {
  const { properties = {} }: Parts = schema
  const integers = Object.entries(properties).flatMap(([name, { type }]) => (type === 'integer' ? [name] : []))
  return readerOf<Static<T>>(schema, 'query', (query) => {
    const values = query as Record<string, unknown>
    for (const name of integers) {
      const value = values[name]
      if (typeof value === 'string' && /^-?\d{1,15}$/.test(value)) values[name] = Number(value)
    }
    return values
  })
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- TypeBox derives the type, its callers name it
function readerOf<V>(
  schema: TSchema,
  place: WrongField['in'],
  prepare: (given: unknown) => unknown,
): (given: unknown) => V {
  const validator = Compile(schema)
  const fits = (value: unknown): boolean => validator.Check(value)
  return (given) => {
    const value = prepare(given)
    if (fits(value)) return value as V
    const wrongs = new Map<string, WrongField & { rank: number }>()
    for (const error of validator.Errors(value)) {
      for (const wrong of explain(schema, error as SchemaError)) {
        // A union is wrong in several ways: what a rule of ours says is the most telling.
        const known = wrongs.get(wrong.pointer)
        if (known === undefined || wrong.rank > known.rank) wrongs.set(wrong.pointer, { ...wrong, in: place })
      }
    }
    const errors = [...wrongs.values()].slice(0, ERRORS_MAX).map(({ pointer, detail }) => ({
      in: place,
      pointer: pointer.slice(0, POINTER_LENGTH_MAX).toWellFormed(),
      detail,
    }))
    throw new InvalidRequest(errors)
  }
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly params: { readonly message?: string; readonly requiredProperties?: readonly string[] }
}

/** The parts of JSON Schema that our request shapes use. */
interface Parts {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Parts>>
  readonly anyOf?: readonly Parts[]
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
}

function explain(schema: Parts, error: SchemaError): { pointer: string; detail: string; rank: number }[] {
  const { keyword, instancePath: pointer, params } = error
  const parts = partsAt(schema, pointer)
  switch (keyword) {
    case '~refine':
      return [{ pointer, detail: params.message ?? expected(parts), rank: 2 }]
    case 'required':
      return (params.requiredProperties ?? []).map((name) => ({
        pointer: `${pointer}/${name}`,
        detail: `is missing: ${expected(partsAt(schema, `${pointer}/${name}`))}`,
        rank: 2,
      }))
    // One for the object and one for each unknown field: the latter has the pointer.
    case 'additionalProperties':
      return []
    case 'boolean': {
      const known = Object.keys(partsAt(schema, pointer.slice(0, pointer.lastIndexOf('/')))?.properties ?? {})
      const list = known.length === 0 ? 'nothing is expected here' : `known are ${known.join(', ')}`
      return [{ pointer, detail: `is unknown: ${list}`, rank: 1 }]
    }
    case 'minLength':
      return [{ pointer, detail: 'must not be empty', rank: 2 }]
    default:
      return [{ pointer, detail: expected(parts), rank: 1 }]
  }
}

/** The schema of what the pointer points to; of a union the member that has fields. */
function partsAt(schema: Parts, pointer: string): Parts | undefined {
  let parts: Parts | undefined = schema
  for (const name of pointer.split('/').slice(1)) {
    const object: Parts | undefined = parts?.anyOf?.find(({ properties }) => properties !== undefined) ?? parts
    parts = object?.properties?.[name]
  }
  return parts
}

function expected(parts: Parts | undefined): string {
  return `must be ${kindOf(parts)}`
}

function kindOf(parts: Parts | undefined): string {
  if (parts?.anyOf !== undefined) return parts.anyOf.map(kindOf).join(' or ')
  if (parts?.enum !== undefined) return `one of ${parts.enum.join(', ')}`
  switch (parts?.type) {
    case 'integer':
      return `a whole number from ${parts.minimum} to ${parts.maximum}`
    case 'boolean':
      return 'true or false'
    case 'object':
      return 'a JSON object'
    case 'null':
      return 'null'
    default:
      return 'a string'
  }
}
