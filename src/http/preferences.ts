// `Prefer` (RFC 7240), as far as there is something to be preferred.

/** Is it among the preferences? What it carries behind `=` or `;` has no meaning here. */
export function isPreferred(name: string, header: string | string[] | undefined): boolean {
  if (header === undefined) return false
  return [header]
    .flat()
    .flatMap((line) => line.split(','))
    .some((preference) => preference.split(/[=;]/, 1)[0]?.trim().toLowerCase() === name)
}
