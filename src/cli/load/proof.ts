// What a run proves: a claim a line. Most are the audit's, of rows and answers; those of the run itself are about how many
// came.

import type { AuditReport } from '../../audit/report.ts'
import type { LoadNumbers } from '../../load/numbers.ts'
import { shownCount } from '../table.ts'
import { sum } from './live.ts'

export interface Claim {
  readonly name: string
  /** What holds, if it holds. */
  readonly says: string
  /** `not yet`: nothing is wrong, and it is not shown either. */
  readonly result: 'ok' | 'FAIL' | 'not yet'
  readonly why: string | null
  readonly examples: readonly string[]
}

export interface Proof {
  readonly verdict: 'good' | 'bad' | 'not yet'
  readonly exitCode: 0 | 1 | 2
  /** The last line. */
  readonly summary: string
  readonly claims: readonly Claim[]
  readonly audit: AuditReport
}

export interface Run {
  readonly numbers: LoadNumbers
  /** That was asked for; of a campaign that there is, what it has afterwards. */
  readonly total: number
  /** Somebody may change that of a campaign that there is. */
  readonly totalBefore: number
  /** Coupons of the campaign before it. */
  readonly issuedBefore: number
  /** How many could have got a coupon: those that asked, each recipient once. */
  readonly demand: number
  /** Nobody else asks of this campaign, and each request is somebody else's. */
  readonly isAlone: boolean
  readonly isEachItsOwn: boolean
}

export function prove(run: Run, report: AuditReport): Proof {
  const audited = report.checks
    .filter(({ checked }) => checked)
    .map(({ check, detail }): Claim => {
      const violation = report.violations.find((violation) => violation.check === check)
      const name = check.replaceAll('_', ' ')
      return violation === undefined
        ? { name, says: detail, result: 'ok', why: null, examples: [] }
        : {
            name,
            says: detail,
            result: 'FAIL',
            why: `${shownCount(violation.count)} times not`,
            examples: violation.examples,
          }
    })
  const claims = [exact(run, report), answered(run.numbers), ...(run.isAlone ? [told(run, report)] : []), ...audited]
  const namesOf = (result: Claim['result']) => claims.filter((claim) => claim.result === result).map(({ name }) => name)
  const [failed, open] = [namesOf('FAIL'), namesOf('not yet')]
  const proof = { claims, audit: report }
  if (failed.length > 0) {
    const summary = `Bad: ${failed.length} of ${claims.length} do not hold: ${failed.join(', ')}`
    return { ...proof, verdict: 'bad', exitCode: 1, summary }
  }
  if (open.length > 0) {
    const summary = `Not yet: nothing is wrong, but not shown are: ${open.join(', ')}`
    return { ...proof, verdict: 'not yet', exitCode: 2, summary }
  }
  const requests = `${shownCount(run.numbers.requests)} requests`
  const issued = shownCount(report.issued_count)
  const exactly = isChanged(run)
    ? `${issued} coupons for ${requests}, with a total that was changed meanwhile`
    : report.complete
      ? `exactly ${issued} coupons for ${requests}`
      : `exactly as many coupons as asked for, ${issued} of ${shownCount(run.total)}, for ${requests}`
  return { ...proof, verdict: 'good', exitCode: 0, summary: `Good: ${exactly}, and every answer is true.` }
}

/** Of a test campaign that was made for the run, nobody knows. */
function isChanged({ total, totalBefore, isAlone }: Run): boolean {
  return !isAlone && total !== totalBefore
}

/** The one promise that needs to know how many came. */
function exact(run: Run, { issued_count: rows }: AuditReport): Claim {
  const { numbers, total, totalBefore, issuedBefore, demand, isAlone } = run
  // When a total was changed nobody knows: those who came before it got coupons of the one, the others of the other.
  const least = isChanged(run) ? Math.min(total, totalBefore) : total
  const wanted = Math.min(least, issuedBefore + demand)
  const isFull = wanted === total
  const says = isChanged(run)
    ? `There are ${shownCount(wanted)} coupons or more, and not more than there may be: the total was ${shownCount(totalBefore)} and is ${shownCount(total)}.`
    : isFull
      ? `There are exactly ${shownCount(total)} coupons.`
      : `There are exactly as many coupons as asked for, ${shownCount(wanted)}: fewer came than there are coupons, ${shownCount(total)}.`
  const claim = { name: 'exactly', says, examples: [] }
  if (rows === wanted) return { ...claim, result: 'ok', why: null }
  // Of a campaign with other callers.
  if (rows > wanted && rows <= total && !isAlone) return { ...claim, result: 'ok', why: null }
  const why = `there are ${shownCount(rows)}`
  const { sold_out: _soldOut, campaign_not_started: _early, ...others } = numbers.refused
  const isExcused = rows < wanted && (numbers.unknownLeft > 0 || sum(others) > 0)
  if (!isExcused) return { ...claim, result: 'FAIL', why }
  const reasons = [
    ...(numbers.unknownLeft > 0 ? [`${shownCount(numbers.unknownLeft)} requests have no answer`] : []),
    ...Object.entries(others).map(([code, count]) => `${shownCount(count)} times ${code}`),
  ]
  return { ...claim, result: 'not yet', why: `${why}; ${reasons.join(', ')}` }
}

function answered({ unknownLeft, requests }: LoadNumbers): Claim {
  const claim = { name: 'answered', says: 'Every request has its answer.', examples: [] }
  if (requests === 0) return { ...claim, result: 'not yet', why: 'none was sent' }
  if (unknownLeft === 0) return { ...claim, result: 'ok', why: null }
  return { ...claim, result: 'not yet', why: `${shownCount(unknownLeft)} were given up without one` }
}

function told({ numbers, isEachItsOwn }: Run, { issued_count: rows, history }: AuditReport): Claim {
  const claim = { name: 'told', says: 'Every coupon was told to somebody who asked for it.', examples: [] }
  const acknowledged = history?.acknowledged ?? 0
  const isSo = isEachItsOwn ? acknowledged === rows : acknowledged >= rows
  if (isSo) return { ...claim, result: 'ok', why: null }
  const why = `${shownCount(rows)} coupons, ${shownCount(acknowledged)} requests that were told of one`
  return { ...claim, result: acknowledged < rows && numbers.unknownLeft > 0 ? 'not yet' : 'FAIL', why }
}
