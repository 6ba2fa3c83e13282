// In which language a problem's title is told.

import Negotiator from 'negotiator'
import type { Language } from '../answers.ts'
import { LANGUAGE_LENGTH_MAX, LANGUAGES_REMEMBERED_MAX } from './limits.ts'

/** The first is for everybody who prefers none of them. */
const LANGUAGES = ['en', 'ko'] as const satisfies readonly Language[]

/** A crowd sends the same few headers. */
const remembered = new Map<string, Language>()

export function languageOf(acceptLanguage: string | undefined): Language {
  if (acceptLanguage === undefined) return LANGUAGES[0]
  const known = remembered.get(acceptLanguage)
  if (known !== undefined) return known
  const preferred = new Negotiator({ headers: { 'accept-language': acceptLanguage } }).language([...LANGUAGES])
  const language = LANGUAGES.find((one) => one === preferred) ?? LANGUAGES[0]
  if (acceptLanguage.length > LANGUAGE_LENGTH_MAX) return language
  if (remembered.size >= LANGUAGES_REMEMBERED_MAX) remembered.clear()
  remembered.set(acceptLanguage, language)
  return language
}
