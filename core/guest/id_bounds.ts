import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { defaultIdBounds, type IdBounds } from '../host/ids.ts'
import type { Root } from '../host/root.ts'

/**
 * The ids that guests may get, by the host's configuration. What reads YAML is loaded only where there is
 * some.
 *
 * @throws {VServerError} E_CONFIG_*
 */
export async function readIdBounds(root: Root): Promise<IdBounds> {
  if (!existsSync(join(root.etc, 'vserver.yaml'))) return defaultIdBounds
  const { readHostConfig } = await import('./host_config.ts')
  return readHostConfig(root).ids
}
