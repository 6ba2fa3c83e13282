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
const KEY_RING = 'src/access/key-ring.ts'
const LANES = 'src/counter/lanes.ts'
const CONNECTIONS = 'src/ledger/mysql/connections.ts'

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
        from: 'ofRequest({ requestName }: IssueRequest): Coupon | undefined {',
        to: 'ofRequest({ campaignId, slot }: IssueRequest): Coupon | undefined {\n    const requestName = nameOf(campaignId, String(slot))',
      },
      {
        from: 'this.#byRequest.set(nameOf(coupon.campaignId, coupon.requestKey), coupon)',
        to: 'this.#byRequest.set(nameOf(coupon.campaignId, String(coupon.slot)), coupon)',
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
    edits: [{ from: 'if (holder !== undefined) {', to: 'if (holder !== undefined && this.#requests.size < 0) {' }],
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
        from: '    const claimed = batch.filter((request) => this.#claims.take(request))\n    this.#ports.meter.batch(batch.length, batch.length - claimed.length)\n    if (claimed.length === 0) return\n    const looked = await this.#lookUp(claimed)\n',
        to: '    const looked = (await this.#lookUp(batch)).filter((request) => isStillWanted(request) && this.#claims.take(request))\n',
      },
    ],
    caughtBy: { seeds: 4_000 },
  },
  {
    name: 'calls are folded without their campaign',
    file: 'src/issue/claims.ts',
    edits: [
      {
        from: 'boolean {\n    const { requestName, recipientName } = request',
        to: 'boolean {\n    const { requestKey: requestName, recipientKey: recipientName } = request',
      },
      {
        from: 'void {\n    const { requestName, recipientName } = request',
        to: 'void {\n    const { requestKey: requestName, recipientKey: recipientName } = request',
      },
    ],
    caughtBy: { test: 'test/issue/pieces.test.ts', named: 'one at a time for a recipient and for a key' },
  },
  {
    name: 'coupons are found without their campaign',
    file: 'src/issue/request.ts',
    edits: [{ from: 'return `${campaignId}/${key}`', to: 'return campaignId === key ? campaignId : key' }],
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
    name: 'an operation is guarded by no key',
    file: 'src/http/routes.ts',
    edits: [{ from: 'onRequest: guard.of(operation),', to: '' }],
    caughtBy: { test: 'test/http/keys.test.ts', named: 'without a key: 401' },
  },
  {
    name: 'a key is good for whatever is asked',
    file: 'src/http/guard.ts',
    edits: [{ from: 'if (!may(found, scope)) return', to: 'if (found.scopes.size === 0) return' }],
    caughtBy: { test: 'test/http/keys.test.ts', named: 'with a key of another scope' },
  },
  {
    name: 'a key is known by its id alone',
    file: KEY_RING,
    edits: [{ from: 'if (!isRight) return WRONG', to: "if (secret === '') return WRONG" }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'are told apart' },
  },
  {
    name: 'a revoked key stays good',
    file: 'src/access/key-store.ts',
    edits: [{ from: "if (revokedAtMs !== null) return 'revoked'", to: "if (revokedAtMs === nowMs) return 'revoked'" }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'a key that was revoked is refused' },
  },
  {
    name: 'a key that was found right stays right',
    file: KEY_RING,
    edits: [{ from: '      this.#proved.clear()\n', to: '' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'a key that was revoked is refused' },
  },
  {
    name: 'a key that was found right never expires',
    file: KEY_RING,
    edits: [{ from: 'return this.#stateOf(proved)', to: 'return proved.caller' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'a key expires by the clock of the ledger' },
  },
  {
    name: 'keys expire by the clock of the server',
    file: KEY_RING,
    edits: [{ from: 'this.#parts.clock.nowMs() + this.#aheadMs', to: 'this.#parts.clock.nowMs()' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'a key expires by the clock of the ledger' },
  },
  {
    name: 'the door opens again when the keys are gone',
    file: KEY_RING,
    edits: [{ from: 'this.#hasKeys ||= keys.length > 0', to: 'this.#hasKeys = keys.length > 0' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'does not open again' },
  },
  {
    name: 'the bootstrap key stays good',
    file: KEY_RING,
    edits: [{ from: 'return this.#hasKeys ? SUPERSEDED : BOOTSTRAP_CALLER', to: 'return BOOTSTRAP_CALLER' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'the bootstrap key is' },
  },
  {
    name: 'a new key is not looked for',
    file: KEY_RING,
    edits: [{ from: 'return found ?? this.#lookAgain(key, authorization)', to: 'return found ?? WRONG' }],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'so that a new one works at once' },
  },
  {
    name: 'a new key is looked for in a reading that has begun',
    file: KEY_RING,
    edits: [
      {
        from: 'await Promise.race([this.#readAnew(), late.promise])',
        to: 'await Promise.race([this.#running, late.promise])',
      },
    ],
    caughtBy: { test: 'test/access/key-ring.test.ts', named: 'begins after it came' },
  },
  {
    name: 'an open server takes what came through a proxy',
    file: 'src/http/guard.ts',
    edits: [
      {
        from: 'const sign = this.#keys.isOpen ? strangerSign(headers) : null',
        to: 'const sign = this.#keys.isOpen ? strangerSign({}) : null',
      },
    ],
    caughtBy: { test: 'test/http/keys.test.ts', named: 'a proxy, a foreign page' },
  },
  {
    name: 'requests are remembered by nobody in particular',
    file: 'src/http/coupon-handlers.ts',
    edits: [
      { from: 'issue({ campaignId, client, idempotencyKey,', to: "issue({ campaignId, client: '', idempotencyKey," },
    ],
    caughtBy: { test: 'test/http/keys.test.ts', named: 'another client’s is another request' },
  },
  {
    name: 'a list shows codes to who may only read',
    file: 'src/http/coupon-handlers.ts',
    edits: [
      { from: "const isMasked = !may(request.caller, 'codes')", to: "const isMasked = !may(request.caller, 'read')" },
    ],
    caughtBy: { test: 'test/http/keys.test.ts', named: 'masked to who may read' },
  },
  {
    name: 'a code that none can be is not looked for',
    file: 'src/campaign/campaigns.ts',
    edits: [
      {
        from: "return (await this.#ledger.couponByCode(id, code ?? '')) ?? 'coupon_not_found'",
        to: "return (code === null ? null : await this.#ledger.couponByCode(id, code)) ?? 'coupon_not_found'",
      },
    ],
    caughtBy: { test: 'test/http/rates.test.ts', named: 'a wrong, a malformed and a foreign code are one' },
  },
  {
    name: 'a recipient may call as often as it likes',
    file: 'src/http/coupon-handlers.ts',
    edits: [{ from: 'if (over !== null) throw rateLimited(over)', to: "if (over === '') throw rateLimited(over)" }],
    caughtBy: { test: 'test/http/rates.test.ts', named: 'a hundred calls of one recipient' },
  },
  {
    name: 'a change is made and not noted',
    file: 'src/campaign/campaigns.ts',
    edits: [
      {
        from: "  await locked.noteChange({\n    by,\n    action: 'campaign.changed',",
        to: "  if (by === null) await locked.noteChange({\n    by,\n    action: 'campaign.changed',",
      },
    ],
    caughtBy: { test: 'test/http/changes.test.ts', named: 'created, changed, deleted' },
  },
  {
    name: 'a campaign that is being purged can be opened again',
    file: 'src/campaign/campaigns.ts',
    edits: [
      {
        from: "if ((await deletionOf(locked, now)) !== null) return { code: 'campaign_not_found' }",
        to: "if (id === '') return { code: 'campaign_not_found' }",
      },
    ],
    caughtBy: { test: 'test/campaign/purge.long.test.ts', named: 'nobody can open it again' },
  },
  {
    name: 'an export between two bites is told whole',
    file: 'src/campaign/campaigns.ts',
    edits: [{ from: 'return (await deletionOf(this.#ledger, campaign)) === null', to: 'return true' }],
    caughtBy: { test: 'test/campaign/purge.long.test.ts', named: 'an export of what is left' },
  },
  {
    name: 'a purge that goes on audits what is left',
    file: 'src/campaign/purge.ts',
    edits: [{ from: 'begun: deletion?.after ?? null', to: 'begun: null' }],
    caughtBy: { test: 'test/campaign/purge.long.test.ts', named: 'it goes on' },
  },
  {
    name: 'a purge does not mind that the campaign was changed since the audit',
    file: 'src/campaign/purge.ts',
    edits: [{ from: ' || now.version !== campaign.version) return false', to: ') return false' }],
    caughtBy: { test: 'test/campaign/purge.long.test.ts', named: 'since the audit' },
  },
  {
    name: 'a campaign that goes on is purged',
    file: 'src/campaign/purge.ts',
    edits: [{ from: '    if (!hasEnded(campaign, locked.nowMs))', to: "    if (id === '')" }],
    caughtBy: { test: 'test/campaign/purge.long.test.ts', named: 'one that goes on' },
  },
  {
    name: 'an erasure takes the key, too',
    file: 'src/ledger/sqlite.ts',
    edits: [
      {
        from: 'UPDATE coupons SET recipient = NULL WHERE',
        to: 'UPDATE coupons SET recipient = NULL, recipient_key = NULL WHERE',
      },
    ],
    caughtBy: { test: 'test/campaign/erasure.test.ts', named: 'gets no second one' },
  },
  {
    name: 'an erasure is made and not noted',
    file: 'src/campaign/erasure.ts',
    edits: [{ from: 'if (count > 0) await', to: 'if (count > 999) await' }],
    caughtBy: { test: 'test/campaign/erasure.test.ts', named: 'what is noted' },
  },
  {
    name: 'the log writes errors as it is handed them',
    file: 'src/telemetry/log.ts',
    edits: [{ from: 'args.map((argument) => (argument instanceof Error ? traceOf(argument) : argument))', to: 'args' }],
    caughtBy: { test: 'test/telemetry/errors.test.ts', named: 'handed to the log' },
  },
  {
    name: 'the log writes an id that nobody has confirmed',
    file: 'src/telemetry/summaries.ts',
    edits: [{ from: '!this.knows(campaignId) || ', to: '' }],
    caughtBy: { test: 'test/telemetry/summaries.test.ts', named: 'an id is written only when' },
  },
  {
    name: 'the last second of a server is not written',
    file: 'src/telemetry/summaries.ts',
    edits: [{ from: '    this.#cancel?.()\n    this.#flush()\n', to: '    this.#cancel?.()\n' }],
    caughtBy: { test: 'test/http/request-log.test.ts', named: 'close does not forget' },
  },
  {
    name: 'the log writes the whole code of a coupon',
    file: 'src/http/request-log.ts',
    edits: [{ from: '`…${endOf(toldCoupon)}`', to: 'toldCoupon' }],
    caughtBy: { test: 'test/http/request-log.test.ts', named: 'each has one' },
  },
  {
    name: 'a body with a coding is read as it is',
    file: 'src/http/framing.ts',
    edits: [{ from: "if (coding !== undefined && coding !== '' &&", to: "if (coding === 'gzip' && coding !== '' &&" }],
    caughtBy: { test: 'test/http/framing.long.test.ts', named: 'Content-Encoding' },
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
    caughtBy: { test: 'test/http/framing.long.test.ts', named: 'refused, left where it is, and cut' },
  },
  {
    name: 'a caller who is being served makes room for a new one',
    file: 'src/http/connection-limit.ts',
    edits: [
      {
        from: 'if (socket[AGAIN] !== true && !isAtWork(socket)) return socket',
        to: 'if (socket[AGAIN] !== true) return socket',
      },
    ],
    caughtBy: { test: 'test/http/connection-limit.test.ts', named: 'nobody who is being served' },
  },
  {
    name: 'at an IP address a certificate for localhost will do',
    file: 'src/ledger/mysql/connection.ts',
    edits: [{ from: '  Object.assign(socket, { _host: address.host })\n', to: '' }],
    caughtBy: { test: 'test/serve/tls.server.test.ts', named: 'at an IP address' },
  },
  {
    name: 'a worker that dies is not followed',
    file: 'src/workers/crew.ts',
    edits: [{ from: '    void this.#follow(number, pauseMs)\n', to: '' }],
    caughtBy: { test: 'test/workers/crew.test.ts', named: 'who dies is followed' },
  },
  {
    name: 'a worker ends before another is ready in its place',
    file: 'src/workers/crew.ts',
    edits: [{ from: 'const isReady = await next.ready', to: 'const isReady = await Promise.resolve(true)' }],
    caughtBy: { test: 'test/workers/crew.test.ts', named: 'replaced one by one' },
  },
  {
    name: 'a worker whose follower is on its way is followed twice',
    file: 'src/workers/crew.ts',
    edits: [
      { from: 'if (this.#isEnding || this.#serving(number) !== undefined) return', to: 'if (this.#isEnding) return' },
    ],
    caughtBy: { test: 'test/workers/crew.test.ts', named: 'gets no second one' },
  },
  {
    name: 'a worker that a person must mend is begun again and again',
    file: 'src/workers/crew.ts',
    edits: [{ from: 'if (!this.#isUp && exit.code === 3) return', to: 'if (!this.#isUp && exit.code === 4) return' }],
    caughtBy: { test: 'test/workers/crew.test.ts', named: 'what a person must mend' },
  },
  {
    name: 'what a worker counted is forgotten when it dies',
    file: 'src/telemetry/together.ts',
    edits: [{ from: 'grownTogether([this.#gone, service])', to: 'grownTogether([this.#gone])' }],
    caughtBy: { test: 'test/workers/crew.test.ts', named: 'numbers of all' },
  },
  {
    name: 'a server is not ready while a worker is replaced',
    file: 'src/http/health.ts',
    edits: [{ from: 'return isDraining && !isReplaced', to: 'return isDraining' }],
    caughtBy: { test: 'test/http/service.test.ts', named: 'regardless of what is lost between' },
  },
  {
    name: 'the embedded file is given to many workers',
    file: 'src/config.ts',
    edits: [
      {
        from: "if (mysqlUrl === undefined && get('WORKERS') !== '1') {",
        to: "if (mysqlUrl === undefined && get('WORKERS') === '0') {",
      },
    ],
    caughtBy: { test: 'test/config.test.ts', named: 'workers: a number' },
  },
  {
    name: 'workers whose primary is gone drop what is in flight',
    file: 'src/workers/cluster.ts',
    edits: [
      { from: 'cluster.worker.exitedAfterDisconnect = true', to: 'cluster.worker.exitedAfterDisconnect = false' },
    ],
    caughtBy: { test: 'test/serve/workers.server.test.ts', named: 'leaves nobody' },
  },
  {
    name: 'after one late answer Redis is trusted again',
    file: LANES,
    edits: [
      { from: '--held.commands === 0) this.#ask(lane, held)', to: '--held.commands === 0) this.#held.delete(lane)' },
    ],
    caughtBy: { test: 'test/counter/away.test.ts', named: 'stays shut out' },
  },
  {
    name: 'a question that Redis answers late opens the way',
    file: LANES,
    edits: [{ from: 'if (this.#clock.nowMs() - askedAtMs > this.#replyMsMax) {', to: 'if (askedAtMs < 0) {' }],
    caughtBy: { test: 'test/counter/away.test.ts', named: 'stays shut out' },
  },
  {
    name: 'commands are sent behind one that is overdue',
    file: LANES,
    edits: [{ from: 'return held !== undefined && this.#clock', to: 'return held === null && this.#clock' }],
    caughtBy: { test: 'test/counter/redis.server.test.ts', named: 'those after them are not sent' },
  },
  {
    name: 'every call tells the log that Redis is away',
    file: 'src/counter/absence.ts',
    edits: [{ from: '    this.#isTold = true\n', to: '' }],
    caughtBy: { test: 'test/counter/away.test.ts', named: 'a line when it is away' },
  },
  {
    name: 'a Redis that refuses all commands is up, for it answers a PING',
    file: 'src/counter/redis.ts',
    edits: [{ from: 'return answer === true && !absence.isRefusing', to: 'return answer === true' }],
    caughtBy: { test: 'test/counter/away.server.test.ts', named: 'out of memory' },
  },
  {
    name: 'callers queue for a database that is away',
    file: ISSUE,
    edits: [{ from: 'if (this.#ports.ledger.isAway) return', to: "if (call.campaignId === '') return" }],
    caughtBy: { test: 'test/issue/faults.test.ts', named: 'while the ledger is away' },
  },
  {
    name: 'statements wait for a connection to a database that is away',
    file: CONNECTIONS,
    edits: [{ from: 'if (whyAway !== null) return', to: "if (whyAway === '') return" }],
    caughtBy: { test: 'test/ledger/mysql-connections.server.test.ts', named: 'that is away refuses at once' },
  },
  {
    name: 'nobody looks whether the database is back',
    file: CONNECTIONS,
    edits: [{ from: 'if (!isProbing) void probe()', to: 'if (isProbing) void probe()' }],
    caughtBy: { test: 'test/ledger/mysql-connections.server.test.ts', named: 'that is away refuses at once' },
  },
  {
    name: 'the ledger way takes what others have reserved',
    file: SEGMENTS,
    edits: [{ from: 'if (proposed !== null && proposed.to', to: 'if (proposed !== null && wanted < 0 && proposed.to' }],
    caughtBy: { test: 'test/issue/beside-each-other.test.ts', named: 'takes slots of its own' },
  },
  {
    name: 'the ledger way believes the counter',
    file: SEGMENTS,
    edits: [{ from: 'if (!taken.has(slot)) slots.push(slot)', to: 'slots.push(slot)' }],
    caughtBy: { test: 'test/issue/beside-each-other.test.ts', named: 'in which others have rows' },
  },
]
