import { Api } from '../cli/api.ts'
import { path, Refused } from '../cli/api.ts'
import type { Campaign } from '../cli/campaign/shown.ts'
import { exportedAuditSource } from './exported.ts'
import type { AuditedCoupon, AuditSource } from './source.ts'
export function httpAuditSource({ url }: { url: string }): AuditSource {
  const api = new Api({ url, language: null })
  return exportedAuditSource({
    showsKeys: false,
    async campaign(id) {
      try {
        const { json } = await api.get<Campaign>(path`/v1/campaigns/${id}`)
        return {
          campaign: {
            id: json.id,
            createdAtMs: Date.parse(json.created_at),
            startTimeMs: Date.parse(json.start_time),
            totalCoupons: json.total_coupons,
            recipientRequired: json.recipient_required,
            version: json.version,
          },
          nowMs: Date.parse(json.server_time),
          issuedCount: json.issued_count,
        }
      } catch (error) {
        if (error instanceof Refused && error.problem.code === 'campaign_not_found') return null
        throw error
      }
    },
    async *coupons({ id }) {
      let rest = ''
      const decoder = new TextDecoder()
      for await (const bytes of await api.stream(
        path`/v1/campaigns/${id}/coupons.ndjson`,
        'application/x-ndjson',
        new AbortController().signal,
      )) {
        const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
        rest = lines.pop() ?? ''
        yield lines
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter((r) => r['slot'] !== undefined)
          .map((r): AuditedCoupon => ({
            slot: r['slot'] as number,
            couponCode: r['coupon_code'] as string,
            issuedAtMs: Date.parse(r['issued_at'] as string),
            recipient: r['recipient'] as string | null,
            recipientKey: null,
            requestKey: null,
          }))
      }
    },
  })
}
