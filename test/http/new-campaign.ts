/** A campaign that is open at once, as it is asked for. */
export const NEW_CAMPAIGN = { name: '선착순', start_time: 'now', total_coupons: 1_000 }
