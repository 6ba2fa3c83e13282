// Settings of the server that undo what an answer promises. They are the operator's, so we say what we see, and go on.

import type { SettingWarning } from '../ledger.ts'
import type { Statements } from './connection.ts'

interface Check {
  readonly setting: string
  readonly wanted: string
  /** Both in upper case; a setting that the server does not have is not asked about. */
  isFine(value: string, all: ReadonlyMap<string, string>): boolean
  readonly risk: string
}

const on = (value: string | undefined) => value === 'ON' || value === '1'
const off = (value: string | undefined) => value === undefined || value === 'OFF' || value === '0'
const binaryLogOff = (all: ReadonlyMap<string, string>) => off(all.get('log_bin'))
/** Milliseconds after which semi-synchronous replication gives up waiting for a replica; an hour is as good as never. */
const SEMI_SYNC_MS_MIN = 3_600_000

const semiSync = (role: 'master' | 'source'): Check => ({
  setting: `rpl_semi_sync_${role}_timeout`,
  wanted: `at least ${SEMI_SYNC_MS_MIN}`,
  isFine: (value, all) => off(all.get(`rpl_semi_sync_${role}_enabled`)) || Number(value) >= SEMI_SYNC_MS_MIN,
  risk: 'when no replica answers for so many milliseconds, commits no longer wait for one, without a word: a failover then loses coupons that were handed out',
})

const severalWriters =
  'a lock on one node is not seen on the others, and reads there may be stale: let all servers use one node'

const checks: readonly Check[] = [
  {
    setting: 'innodb_flush_log_at_trx_commit',
    wanted: '1',
    isFine: (value) => value === '1' || value === '3', // 3 is MariaDB's, and stricter
    risk: 'a crash of the database loses up to a second or more of coupons that were handed out; they are then given to others',
  },
  {
    setting: 'innodb_doublewrite',
    wanted: 'ON',
    isFine: (value) => !off(value) && value !== 'DETECT_ONLY',
    risk: 'a power failure in the middle of a write may leave a page that cannot be repaired, and coupons with it',
  },
  {
    setting: 'sync_binlog',
    wanted: '1',
    isFine: (value, all) => binaryLogOff(all) || value === '1',
    risk: 'a crash loses the end of the binary log: replicas, backups and a failover lack coupons that were handed out',
  },
  {
    setting: 'binlog_format',
    wanted: 'ROW',
    isFine: (value, all) => binaryLogOff(all) || value === 'ROW' || value === 'MIXED',
    risk: 'replicas repeat the statements and come to other results, as rows that were locked here are not locked there: a failover gives other coupons',
  },
  {
    setting: 'innodb_autoinc_lock_mode',
    wanted: '2',
    isFine: (value) => value === '2',
    risk: 'statements that insert coupons wait for each other: nothing is lost, but a rush is served more slowly',
  },
  semiSync('master'),
  semiSync('source'),
  { setting: 'wsrep_on', wanted: 'OFF, or one node for all servers', isFine: off, risk: severalWriters },
  {
    setting: 'group_replication_single_primary_mode',
    wanted: 'ON',
    isFine: (value, all) => on(value) || !all.get('group_replication_group_name'),
    risk: severalWriters,
  },
  {
    setting: 'read_only',
    wanted: 'OFF',
    isFine: off,
    risk: 'this server does not take coupons: it is a replica, or was made read-only, and no decision can be taken from it',
  },
]

const asked = [
  ...checks.map((check) => check.setting),
  'log_bin',
  'rpl_semi_sync_master_enabled',
  'rpl_semi_sync_source_enabled',
  'group_replication_group_name',
]

export async function settingWarnings(connection: Statements): Promise<SettingWarning[]> {
  const names = asked.map(() => '?').join(', ')
  const rows = await connection.selectText(`SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`, asked)
  const all = new Map(
    rows.map((row) => [String(row['Variable_name']).toLowerCase(), String(row['Value']).toUpperCase()]),
  )
  return checks.flatMap(({ setting, wanted, isFine, risk }) => {
    const value = all.get(setting)
    return value === undefined || isFine(value, all) ? [] : [{ setting, value, wanted, risk }]
  })
}
