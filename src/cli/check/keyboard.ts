// A Korean keyboard (두벌식), the wrong way round: what appears when it was left on while somebody typed Latin letters, and
// which keys make a syllable.

/** By key, in the order in which Unicode numbers the parts of a syllable. */
const FIRST = 'r R s e E f a q Q t T d w W c z x v g'.split(' ')
const MIDDLE = 'k o i O j p u P h hk ho hl y n nj np nl b m ml l'.split(' ')
const LAST = ['', ...'r R rt s sw sg e f fr fa fq ft fx fv fg a q qt t T d w c z x v g'.split(' ')]
/** A part that makes no syllable stands alone. */
const ALONE: ReadonlyMap<string, string> = new Map([
  ...pairs('rRseEfaqQtTdwWczxvg', 'ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ'),
  ...pairs('koiOjpuPhynbml', 'ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅛㅜㅠㅡㅣ'),
])
const FIRST_SYLLABLE = '가'.charCodeAt(0)

const longestFirst = (parts: readonly string[]) => parts.toSorted((a, b) => b.length - a.length).join('|')
/** A consonant before a vowel begins the next syllable. */
const SYLLABLE = new RegExp(
  `(${longestFirst(FIRST)})(${longestFirst(MIDDLE)})((?:${longestFirst(LAST.slice(1))})(?!${longestFirst(MIDDLE)}))?`,
  'g',
)

/** What the keys write while the keyboard is Korean. */
export function typedInKorean(keys: string): string {
  return keys
    .replace(/[A-Z]/g, (key) => (ALONE.has(key) ? key : key.toLowerCase()))
    .replace(SYLLABLE, (_, first: string, middle: string, last: string = '') => {
      const number = (FIRST.indexOf(first) * MIDDLE.length + MIDDLE.indexOf(middle)) * LAST.length + LAST.indexOf(last)
      return String.fromCharCode(FIRST_SYLLABLE + number)
    })
    .replace(/[A-Za-z]/g, (key) => ALONE.get(key) ?? key)
}

/** The keys of syllables; other characters are their own. */
export function keysOf(text: string): string {
  return text.replace(/[가-힣]/g, (syllable) => {
    const number = syllable.charCodeAt(0) - FIRST_SYLLABLE
    const middle = Math.floor(number / LAST.length)
    return [FIRST[Math.floor(middle / MIDDLE.length)], MIDDLE[middle % MIDDLE.length], LAST[number % LAST.length]].join(
      '',
    )
  })
}

function pairs(keys: string, parts: string): [string, string][] {
  return Array.from(keys, (key, index) => [key, parts.charAt(index)])
}
