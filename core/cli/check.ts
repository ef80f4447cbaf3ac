/**
 * `vserver check`: one row for each feature of the host that guests need or can use.
 *
 * @module
 */
import { formatTable } from '../guest/status.ts'
import { checkHost } from '../host/check.ts'
import { withSession } from '../host/executor.ts'
import type { BrokenPlugin } from '../plugin/registry.ts'
import type { CheckRow } from '../plugin/types.ts'
import { executorOf, registryOf } from './host.ts'
import type { Cli } from './types.ts'

export async function run(cli: Cli): Promise<number> {
  const registry = await registryOf(cli)
  const rows = await withSession(executorOf(cli), async (session) => {
    const found: CheckRow[] = [...await checkHost(session, cli.root), ...registry.broken.map(row)]
    for (const check of registry.checks) found.push(...await check.run(session))
    return found
  })
  cli.out.print(cli.globals.json ? `${JSON.stringify(rows)}\n` : formatRows(rows))
  return rows.some(isFatal) ? 1 : 0
}

/** Of a plugin that cannot be used: guests that need nothing of it start all the same. */
function row({ name, error }: BrokenPlugin): CheckRow {
  return {
    feature: `plugin ${name}`,
    found: false,
    needed: 'what it contributes',
    remedy: error.hint ?? 'correct it, or remove its directory',
    detail: error.message,
  }
}

/** Whether a start would fail. */
function isFatal({ found, needed }: CheckRow): boolean {
  return !found && needed.startsWith('start')
}

/** The table, and below it what to do about what is missing. Pure. */
export function formatRows(rows: readonly CheckRow[]): string {
  const table = formatTable([
    ['FEATURE', 'FOUND', 'FOR', 'DETAIL'],
    ...rows.map(({ feature, found, needed, detail }) => [
      feature,
      found ? 'yes' : 'NO',
      needed,
      found && detail === 'tried' ? '' : detail,
    ]),
  ])
  const missing = rows.filter(({ found }) => !found)
  const fatal = missing.filter(isFatal).length
  const verdict = fatal === 0
    ? 'This host can run guests.\n'
    : `This host cannot run guests: ${fatal} of the features that a start needs are missing.\n`
  const remedies = missing.map(({ feature, remedy }) => `  ${feature}: ${remedy}\n`)
  return `${table}\n${verdict}${remedies.join('')}`
}
