/**
 * What `status` and `list` print. The native verbs print the same bytes: `core/executor/status.c` and
 * `list.c` follow this file. Pure.
 *
 * @module
 */
import { type Card, cardJson } from './card.ts'
import { describeExit, parseExit } from './exit.ts'

export type StateWord = 'created' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'

export interface GuestStatus {
  readonly state: StateWord
  /** As the host sees it. */
  readonly initPid: number | undefined
  readonly startedAtMs: number | undefined
  readonly uptimeMs: number | undefined
  readonly restarts: number
  /** The text of exit.json, without a line end. */
  readonly lastExit: string | undefined
  readonly card: Card
  /** Keys of guest.yaml that take effect on the next start; only a running guest has any. */
  readonly pending: readonly string[]
  /** Why guest.yaml says nothing: the guest is shown as it was started last. Native verbs never meet it. */
  readonly problem?: string | undefined
}

/** `45s`, `3m 12s`, `2h 5m`, `3d 4h`: the two largest units, rounded down. */
export function formatUptime(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return `${days}d ${hours % 24}h`
  if (hours > 0) return `${hours}h ${minutes % 60}m`
  if (minutes > 0) return `${minutes}m ${seconds % 60}s`
  return `${seconds}s`
}

/** The lines of one guest, each ended. */
export function formatStatus(status: GuestStatus): string {
  const { card, uptimeMs, startedAtMs } = status
  const started = startedAtMs === undefined
    ? '-'
    : `${new Date(startedAtMs).toISOString()} (${formatUptime(uptimeMs ?? 0)})`
  const rows: readonly (readonly [string, string])[] = [
    ['init pid', status.initPid === undefined ? '-' : String(status.initPid)],
    ['started', started],
    ['from', card.from ?? '-'],
    ['template', card.template ?? '-'],
    ['ids', `${card.ids.first}+${card.ids.count}`],
    ['cgroup', card.cgroup],
    ['network', card.network],
    ['restarts', String(status.restarts)],
    ['last exit', status.lastExit === undefined ? '-' : describeExit(parseExit(status.lastExit))],
    ...(status.problem === undefined ? [] : [['problem', status.problem] as const]),
    ...(status.pending.length === 0 ? [] : [['pending', status.pending.join(', ')] as const]),
  ]
  const lines = rows.map(([label, value]) => `  ${label.padEnd(11)}${value}\n`)
  return `${card.name}: ${status.state}\n${lines.join('')}`
}

/** Several guests, separated by one empty line. */
export function formatStatuses(statuses: readonly GuestStatus[]): string {
  return statuses.map(formatStatus).join('\n')
}

/** One guest as compact JSON. */
export function statusJson(status: GuestStatus): string {
  const { card, startedAtMs } = status
  const started = startedAtMs === undefined ? null : new Date(startedAtMs).toISOString()
  const members = [
    `"name":${JSON.stringify(card.name)}`,
    `"state":${JSON.stringify(status.state)}`,
    '"health":null',
    `"initPid":${status.initPid ?? null}`,
    `"startedAt":${JSON.stringify(started)}`,
    `"uptimeMs":${status.uptimeMs ?? null}`,
    cardJson(card),
    `"restarts":${status.restarts}`,
    `"lastExit":${status.lastExit ?? null}`,
    `"pending":${JSON.stringify(status.pending)}`,
    ...(status.problem === undefined ? [] : [`"problem":${JSON.stringify(status.problem)}`]),
  ]
  return `{${members.join(',')}}`
}

/** Several guests as one line of JSON. */
export function statusesJson(statuses: readonly GuestStatus[]): string {
  return `[${statuses.map(statusJson).join(',')}]\n`
}

/** The table of `list`: every column but the last as wide as its widest cell. */
export function formatList(statuses: readonly GuestStatus[]): string {
  const rows = statuses.map(({ card, state, initPid, uptimeMs }) => [
    card.name,
    state,
    initPid === undefined ? '-' : String(initPid),
    uptimeMs === undefined ? '-' : formatUptime(uptimeMs),
    card.from ?? '-',
  ])
  return formatTable([['NAME', 'STATE', 'PID', 'UPTIME', 'FROM'], ...rows])
}

/** Rows of cells, two spaces between columns, no spaces at the ends. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length)
    })
  }
  return rows.map((row) => {
    const padded = row.map((cell, column) =>
      column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)
    )
    return `${padded.join('  ').trimEnd()}\n`
  }).join('')
}
