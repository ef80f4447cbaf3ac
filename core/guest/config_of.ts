import type { Registry } from '../plugin/registry.ts'
import { effectiveConfig, type GuestConfig } from './config.ts'
import { parseGuestFile } from './config_file.ts'
import type { StoredGuest } from './store.ts'

/**
 * Reads what a guest's file means.
 *
 * @throws {VServerError} E_CONFIG_*
 */
export function configOf(stored: StoredGuest, registry: Registry): GuestConfig {
  const modes = registry.networkModes
  const file = parseGuestFile({ file: stored.file, text: stored.text }, modes)
  return effectiveConfig(file, { name: stored.name, modes })
}
