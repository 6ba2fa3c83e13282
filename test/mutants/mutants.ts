// Mistakes that somebody could make, one at a time, and what must catch each: the simulator within some seeds, or a test by
// its name. A mutant that lives is a promise that nothing watches.

export interface Mutant {
  readonly name: string
  readonly file: string
  /** Each stands in the file exactly once. */
  readonly edits: readonly { readonly from: string; readonly to: string }[]
  readonly caughtBy:
    | { readonly seeds: number }
    /** Of the project `server` when its name says so. */
    | { readonly test: string; readonly named: string }
}

/** Where most of the path stands. */
const ISSUE = 'src/issue/issue.ts'
const LOOK_UP = 'src/issue/look-up.ts'
const FAST_WAY = 'src/issue/fast-way.ts'
const LEDGER_WAY = 'src/issue/ledger-way.ts'
const SEGMENTS = 'src/issue/segments.ts'

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a counter that is missing is taken for one that begins',
    file: 'src/counter/reserve.lua',
    edits: [{ from: "if not next then return {'cold'} end", to: 'if not next then next = 1 end' }],
    caughtBy: { test: 'test/counter/redis.server.test.ts', named: 'cold' },
  },
  {
    name: 'a slot is used again after an INSERT of unknown fate',
    file: FAST_WAY,
    edits: [{ from: '} else if (isFateKnown) {', to: '} else {' }],
    caughtBy: { test: 'test/issue/faults.test.ts', named: 'its slot is not used again' },
  },
  {
    name: 'a duplicate is taken for a success of one’s own',
    file: FAST_WAY,
    edits: [
      {
        from: "if (answer.status === 'recorded' && answer.count === ready.length) {",
        to: "if (answer.status === 'duplicate' || answer.count === ready.length) {",
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'rows that the guard passed over are taken for written',
    file: FAST_WAY,
    edits: [
      {
        from: "if (answer.status === 'recorded' && answer.count === ready.length) {",
        to: "if (answer.status === 'recorded') {",
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'a row is recognised by its slot, not by its request',
    file: LOOK_UP,
    edits: [
      {
        from: 'return this.#byRequest.get(request.campaignId + request.requestKey)',
        to: 'return this.#byRequest.get(request.campaignId + request.slot)',
      },
      {
        from: 'this.#byRequest.set(coupon.campaignId + coupon.requestKey, coupon)',
        to: 'this.#byRequest.set(coupon.campaignId + coupon.slot, coupon)',
      },
      {
        from: 'if (coupon.requestKey !== request.requestKey || coupon.recipientKey !== request.recipientKey) return false',
        to: 'if (coupon.slot === request.slot) return true',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'sold out is said because the counter has nothing left',
    file: ISSUE,
    edits: [
      {
        from: 'this.#ledgerWay.add(left)',
        to: "for (const request of left) request.answer({ code: 'sold_out' })",
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'the ledger way takes no lock',
    file: LEDGER_WAY,
    edits: [{ from: 'ports.ledger.lock([...memoryOf.keys()], (locked)', to: 'ports.ledger.lock([], (locked)' }],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'the ledger way answers before it has committed',
    file: LEDGER_WAY,
    edits: [
      {
        from: '    for (const campaign of settlement.soldOut) {\n      const { id, totalCoupons } = campaign',
        to: '    this.#finish(settlement, memoryOf)\n    for (const campaign of settlement.soldOut) {\n      const { id, totalCoupons } = campaign',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'the ledger way does not look up once more',
    file: LEDGER_WAY,
    edits: [
      {
        from: 'const read = await locked.read(queryFor(open))',
        to: 'const read = await locked.read({ ...queryFor(open), requestKeys: [], recipientKeys: [] })',
      },
    ],
    caughtBy: { seeds: 20_000 },
  },
  {
    name: 'the ledger way does not mind rows that were passed over',
    file: LEDGER_WAY,
    edits: [{ from: "if (answer.count < settlement.issued.length) throw new RolledBack('passed over')", to: '' }],
    caughtBy: { seeds: 20_000 },
  },
  {
    name: 'what a commit of unknown fate wrote is never looked for',
    file: LEDGER_WAY,
    edits: [{ from: 'if (error.mayBeWritten) for (const request of open) request.mayHaveCoupon = true', to: '' }],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'what an INSERT of unknown fate wrote is never looked for',
    file: FAST_WAY,
    edits: [{ from: 'for (const request of ready) request.mayHaveCoupon = true', to: '' }],
    caughtBy: { test: 'test/issue/faults.test.ts', named: 'carried out after all, late' },
  },
  {
    name: 'connections that were lost count as rounds',
    file: FAST_WAY,
    edits: [
      {
        from: 'if (!error.mayBeWritten) return\n',
        to: 'for (const request of ready) request.collisions += 3\n        if (!error.mayBeWritten) return\n',
      },
    ],
    caughtBy: { seeds: 10_000 },
  },
  {
    name: 'another code is drawn after an INSERT of unknown fate',
    file: FAST_WAY,
    edits: [
      {
        from: '() => this.#ports.ledger.record(rows),',
        to: `() => {
        for (const request of ready) request.code = this.#ports.codes.make((request.campaign as CampaignState).codeFormat)
        return this.#ports.ledger.record(ready.map((request) => request.row()))
      },`,
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'the start is compared with the clock of the server',
    file: LOOK_UP,
    edits: [{ from: 'if (read.nowMs < campaign.startTimeMs) {', to: 'if (Date.now() < campaign.startTimeMs) {' }],
    caughtBy: { seeds: 500 },
  },
  {
    name: 'sold out is told before a coupon is looked for',
    file: LOOK_UP,
    edits: [
      {
        from: '  const ofRequest = found.ofRequest(request)\n',
        to: "  if (memories.isSoldOut(campaign, lookedUpAt)) return { code: 'sold_out' }\n  const ofRequest = found.ofRequest(request)\n",
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'a key that comes with another recipient is given its coupon',
    file: LOOK_UP,
    edits: [
      {
        from: "if (ofRequest.recipientKey !== request.recipientKey) return { code: 'idempotency_key_reused' }",
        to: '',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'sold out is told from a look-up that is older than its proof',
    file: 'src/issue/memories.ts',
    edits: [
      {
        from: 'return memory.soldOutTotal === campaign.totalCoupons && memory.provedAt < lookedUpAt',
        to: 'return memory.soldOutTotal === campaign.totalCoupons && lookedUpAt > 0',
      },
    ],
    caughtBy: { seeds: 4_000 },
  },
  {
    name: 'sold out is remembered whatever the total is now',
    file: 'src/issue/memories.ts',
    edits: [
      {
        from: 'return memory.soldOutTotal === campaign.totalCoupons && memory.provedAt < lookedUpAt',
        to: 'return memory.soldOutTotal !== null && memory.provedAt < lookedUpAt',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'memories survive a failover',
    file: 'src/issue/memories.ts',
    edits: [{ from: 'if (this.#generation !== this.#ledger.generation) {', to: 'if (this.#generation < 0) {' }],
    caughtBy: { seeds: 10_000 },
  },
  {
    name: 'memories survive a campaign that is made anew',
    file: 'src/campaign/campaign.ts',
    edits: [{ from: 'return `${id}:${createdAtMs}`', to: 'return createdAtMs > 0 ? id : id' }],
    caughtBy: { seeds: 10_000 },
  },
  {
    name: 'two calls of one request are not folded',
    file: 'src/issue/claims.ts',
    edits: [
      { from: 'if (holder === undefined || holder === request) continue', to: 'if (this.#holders.size > -1) continue' },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'calls are folded inside a batch, and not across those under way',
    file: ISSUE,
    edits: [
      {
        from: '    const claimed = batch.filter((request) => this.#claims.take(request))\n',
        to: '    const claims = new Claims()\n    const claimed = batch.filter((request) => claims.take(request))\n',
      },
    ],
    caughtBy: { seeds: 4_000 },
  },
  {
    name: 'calls are folded only after they were looked up',
    file: ISSUE,
    edits: [
      {
        from: '    const claimed = batch.filter((request) => this.#claims.take(request))\n    if (claimed.length === 0) return\n    const looked = await this.#lookUp(claimed)\n',
        to: '    const looked = (await this.#lookUp(batch)).filter((request) => isStillWanted(request) && this.#claims.take(request))\n',
      },
    ],
    caughtBy: { seeds: 4_000 },
  },
  {
    name: 'calls are folded without their campaign',
    file: 'src/issue/claims.ts',
    edits: [
      { from: '`${request.campaignId}/request/${request.requestKey}`', to: '`request/${request.requestKey}`' },
      { from: '`${request.campaignId}/recipient/${request.recipientKey}`', to: '`recipient/${request.recipientKey}`' },
    ],
    caughtBy: { test: 'test/issue/pieces.test.ts', named: 'one at a time for a recipient and for a key' },
  },
  {
    name: 'coupons are found without their campaign',
    file: LOOK_UP,
    edits: [
      {
        from: 'this.#byRecipient.get(request.campaignId + request.recipientKey)',
        to: 'this.#byRecipient.get(request.recipientKey)',
      },
      {
        from: 'this.#byRecipient.set(coupon.campaignId + coupon.recipientKey, coupon)',
        to: 'this.#byRecipient.set(coupon.recipientKey, coupon)',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'who waits for another call is forgotten',
    file: ISSUE,
    edits: [{ from: 'if (request.followers.length > 0) this.#batcher.putBack(request.followers)', to: '' }],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'gaps are never looked for',
    file: SEGMENTS,
    edits: [
      {
        from: 'if (range.count === range.to - range.from + 1) continue',
        to: 'if (range.count >= 0) continue',
      },
    ],
    caughtBy: { seeds: 2_000 },
  },
  {
    name: 'the last slots are kept back',
    file: SEGMENTS,
    edits: [
      {
        from: 'slot <= campaign.totalCoupons && slots.length < wanted',
        to: 'slot < campaign.totalCoupons && slots.length < wanted',
      },
    ],
    caughtBy: { seeds: 500 },
  },
  {
    name: 'a segment is taken for full too early',
    file: SEGMENTS,
    edits: [
      {
        from: 'if (count === SEGMENT_SLOTS) memory.full.add(segment)',
        to: 'if (count >= SEGMENT_SLOTS - 1) memory.full.add(segment)',
      },
    ],
    caughtBy: { seeds: 10_000 },
  },
  {
    name: 'slots above a total that was lowered are used',
    file: 'src/issue/spare-slots.ts',
    edits: [{ from: '.filter((slot) => slot <= campaign.totalCoupons)', to: '.filter((slot) => slot > 0)' }],
    caughtBy: { test: 'test/issue/pieces.test.ts', named: 'are used once, and not above the total' },
  },
  {
    name: 'the code of another format is kept',
    file: LOOK_UP,
    edits: [{ from: 'if (before !== null && before.version !== campaign.version) request.code = null', to: '' }],
    caughtBy: { test: 'test/issue/faults.test.ts', named: 'other codes and a recipient demanded' },
  },
  {
    name: 'too much is counted under the lock',
    file: SEGMENTS,
    edits: [{ from: 'if (maxSlot - memory.countedUpTo > UNCOUNTED_SLOTS_MAX) return null', to: '' }],
    caughtBy: { test: 'test/issue/faults.test.ts', named: 'is counted before the lock, not under it' },
  },
  {
    name: 'a request key does not hold who calls',
    file: 'src/ledger/coupon-keys.ts',
    edits: [
      { from: 'return keyOf([client, idempotencyKey])', to: 'return keyOf([client.slice(0, 0), idempotencyKey])' },
    ],
    caughtBy: { test: 'test/issue/pieces.test.ts', named: 'a key is of its client' },
  },
  {
    name: 'the guard has no total',
    file: 'src/ledger/mysql/record.sql',
    edits: [{ from: '   AND v.slot BETWEEN 1 AND c.total_coupons\n', to: '   AND v.slot >= 1\n' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'a slot below 1 or above the total' },
  },
  {
    name: 'the guard has no end',
    file: 'src/ledger/mysql/record.sql',
    edits: [{ from: '   AND (c.end_time IS NULL OR c.end_time > GREATEST(v.issued_at, UTC_TIMESTAMP(3)))\n', to: '' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'what has ended meanwhile' },
  },
  {
    name: 'the guard has no start',
    file: 'src/ledger/mysql/record.sql',
    edits: [{ from: 'c.start_time <= LEAST(v.issued_at, UTC_TIMESTAMP(3))', to: 'c.start_time IS NOT NULL' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'what was issued before the start' },
  },
  {
    name: 'the guard does not mind a pause',
    file: 'src/ledger/mysql/record.sql',
    edits: [{ from: '   AND NOT c.paused\n', to: '' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'a paused campaign' },
  },
  {
    name: 'a column of JSON_TABLE is as narrow as the table’s',
    file: 'src/ledger/mysql/record.sql',
    edits: [{ from: 'coupon_code VARCHAR(256)', to: 'coupon_code VARCHAR(64)' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'for a code of 65 characters' },
  },
  {
    name: 'a lock of MySQL begins with a plain read',
    file: 'src/ledger/mysql/locked.ts',
    edits: [
      {
        from: '  let nowMs: number | null = null\n',
        to: "  let nowMs: number | null = null\n  await connection.selectText('SELECT COUNT(*) FROM coupons', [])\n",
      },
    ],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'lock' },
  },
  {
    name: 'a lock of MySQL locks nothing',
    file: 'src/ledger/mysql/statements.ts',
    edits: [{ from: 'FROM campaigns WHERE id = ? FOR UPDATE`', to: 'FROM campaigns WHERE id = ?`' }],
    caughtBy: { test: 'test/ledger/mysql.server.test.ts', named: 'lock' },
  },
  {
    name: 'a body with a coding is read as it is',
    file: 'src/http/framing.ts',
    edits: [{ from: "if (coding !== undefined && coding !== '' &&", to: "if (coding === 'gzip' && coding !== '' &&" }],
    caughtBy: { test: 'test/http/framing.test.ts', named: 'Content-Encoding' },
  },
  {
    name: 'a long body that was refused is read to its end',
    file: 'src/http/framing.ts',
    edits: [
      {
        from: 'if (!raw.complete && isLong(raw)) hold(raw)',
        to: 'if (raw.complete && isLong(raw)) hold(raw)',
      },
    ],
    caughtBy: { test: 'test/http/framing.test.ts', named: 'refused, left where it is, and cut' },
  },
  {
    name: 'a caller who is being served makes room for a new one',
    file: 'src/http/connection-limit.ts',
    edits: [
      { from: '    resting.delete(socket)\n    // Of requests', to: '    resting.add(socket)\n    // Of requests' },
    ],
    caughtBy: { test: 'test/http/connection-limit.test.ts', named: 'nobody who is being served' },
  },
  {
    name: 'at an IP address a certificate for localhost will do',
    file: 'src/ledger/mysql/connection.ts',
    edits: [{ from: '  Object.assign(socket, { _host: address.host })\n', to: '' }],
    caughtBy: { test: 'test/serve/tls.server.test.ts', named: 'at an IP address' },
  },
]
