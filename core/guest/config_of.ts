import { errors, VServerError } from '../errors.ts'
import { brokenHint, type Registry } from '../plugin/registry.ts'
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
  try {
    const file = parseGuestFile({ file: stored.file, text: stored.text }, modes)
    return effectiveConfig(file, { name: stored.name, modes })
  } catch (error) {
    const hint = brokenHint(registry)
    if (!(error instanceof VServerError) || hint === undefined) throw error
    // Modes and their keys are what plugins add to it.
    if (!/^network(\.|$)/.test(String(error.details?.['key'] ?? ''))) throw error
    throw errors[error.code](error.message, { hint, details: error.details, cause: error })
  }
}
