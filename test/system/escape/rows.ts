/**
 * The escape table: every probe, what must stop it, and why. Pure data.
 *
 * @module
 */
import { fileRows } from './file.ts'
import { kernelRows } from './kernel.ts'
import { mountRows } from './mount.ts'
import { processRows } from './process.ts'
import { resourceRows } from './resource.ts'
import { rootRows } from './root.ts'
import type { Row } from './row.ts'

export const rows: readonly Row[] = [
  ...processRows,
  ...mountRows,
  ...rootRows,
  ...fileRows,
  ...kernelRows,
  ...resourceRows,
]
