// A campaign's coupons as one long reply: page after page from the ledger, no faster than the caller reads, and gently
// while coupons are being issued. A reply that cannot be completed is cut, never ended as if it were whole.

import { PassThrough, type Writable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { Fault } from '../answers.ts'
import type { Campaigns } from '../campaign/campaigns.ts'
import type { Clock } from '../host.ts'
import type { Coupon } from '../ledger/ledger.ts'
import type { ExportFormat } from './export-formats.ts'
import { EXPORT_MS_MAX, EXPORT_PAUSE_FACTOR, EXPORT_PAUSE_MS_MAX, EXPORT_STALL_MS_MAX } from './limits.ts'

/** By the caller, who hung up, or by us: there is nobody to tell it to. */
class Cut extends Error {}

export interface ExportParts {
  readonly campaigns: Campaigns
  readonly clock: Clock
  /** Is somebody waiting for a coupon? */
  readonly isIssuing: () => boolean
  /** Of what came when half the reply was sent. */
  readonly onBroken: (error: unknown) => void
}

export class CouponExport {
  readonly #parts: ExportParts
  readonly #reply: FastifyReply
  readonly #campaignId: string
  readonly #format: ExportFormat
  readonly #body = new PassThrough()
  #isBegun = false
  #rows = 0

  constructor(parts: ExportParts, reply: FastifyReply, campaignId: string, format: ExportFormat) {
    this.#parts = parts
    this.#reply = reply
    this.#campaignId = campaignId
    this.#format = format
    this.#body.write(format.head)
  }

  /**
   * Resolves when the reply is complete or cut. → false: there is no such campaign, and nothing was sent yet. Rejects only
   * while nothing was sent.
   */
  async run(): Promise<boolean> {
    const { campaigns, clock } = this.#parts
    const cancel = clock.after(EXPORT_MS_MAX, () => this.cut())
    try {
      const isWhole = await campaigns.exportCoupons(this.#campaignId, this.#takerOf())
      if (!isWhole && !this.#isBegun) return false
      if (!isWhole || this.#body.destroyed) throw new Cut()
      this.#begin()
      this.#body.end(this.#format.foot(this.#rows))
      // Its place is taken until the caller has read the end, too: until then it can still be cut.
      await this.#until(this.#reply.raw, 'finish')
    } catch (error) {
      if (!this.#isBegun) throw error instanceof Cut ? new Fault('unavailable', 'the server is closing') : error
      if (!(error instanceof Cut)) this.#parts.onBroken(error)
      this.cut()
    } finally {
      cancel()
    }
    return true
  }

  /** Breaks the connection, so that nobody takes what was sent for the whole. Idempotent. */
  cut(): void {
    this.#body.destroy()
    if (this.#isBegun) this.#reply.raw.destroy()
  }

  #takerOf(): (coupons: readonly Coupon[]) => Promise<void> {
    const { clock, isIssuing } = this.#parts
    let sinceMs = clock.nowMs()
    return async (coupons) => {
      if (this.#body.destroyed) throw new Cut()
      this.#begin()
      this.#rows += coupons.length
      const hasRoom = this.#body.write(coupons.map((coupon) => this.#format.line(coupon)).join(''))
      const workedMs = clock.nowMs() - sinceMs
      if (!hasRoom) await this.#until(this.#body, 'drain')
      // Whoever waits for a coupon goes first: the longer a page took, the longer the pause.
      if (isIssuing()) await clock.sleep(Math.min(workedMs * EXPORT_PAUSE_FACTOR, EXPORT_PAUSE_MS_MAX))
      if (this.#body.destroyed) throw new Cut()
      sinceMs = clock.nowMs()
    }
  }

  /** Only when there is something to send: until then a fault can still be told in words. */
  #begin(): void {
    if (this.#isBegun) return
    this.#isBegun = true
    const { contentType, extension } = this.#format
    this.#reply
      .header('content-type', contentType)
      .header('content-disposition', `attachment; filename="${this.#campaignId}.${extension}"`)
      .send(this.#body)
  }

  /** Waits for the caller to read, and cuts who does not read a page in time. */
  #until(stream: Writable, event: 'drain' | 'finish'): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const cancel = this.#parts.clock.after(EXPORT_STALL_MS_MAX, () => this.cut())
    const onEvent = () => settle(resolve)
    const onClose = () => settle(() => reject(new Cut()))
    const settle = (how: () => void) => {
      cancel()
      stream.off(event, onEvent).off('close', onClose)
      how()
    }
    stream.on(event, onEvent).on('close', onClose)
    if (stream.destroyed) onClose()
    return promise
  }
}
