// Indexes as MySQL describes them, also such as MariaDB cannot have.

import { expect, test } from 'vitest'
import { indexesIn } from '../../src/audit/mysql.ts'

test('an index over an expression is one without that column', () => {
  const rows = [
    { name: 'coupons_slot', plain: 0, part: 'campaign_id' },
    { name: 'coupons_slot', plain: 0, part: 'slot' },
    { name: 'lower_code', plain: 1, part: 'campaign_id' },
    { name: 'lower_code', plain: 1, part: null },
  ]
  expect(indexesIn(rows)).toEqual([
    { name: 'coupons_slot', isUnique: true, columns: ['campaign_id', 'slot'] },
    { name: 'lower_code', isUnique: false, columns: ['campaign_id', ''] },
  ])
})
