/**
 * The plugins that are part of vserver.
 *
 * @module
 */
import type { Plugin } from '../core/plugin/types.ts'
import bootstrapDebian from './bootstrap-debian/index.ts'
import bootstrapDir from './bootstrap-dir/index.ts'
import bootstrapGuest from './bootstrap-guest/index.ts'
import bootstrapTar from './bootstrap-tar/index.ts'
import netNone from './net-none/index.ts'

export const plugins: readonly Plugin[] = [
  bootstrapDebian,
  bootstrapDir,
  bootstrapGuest,
  bootstrapTar,
  netNone,
]
