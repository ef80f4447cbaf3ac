/**
 * The slots in which the tree writer keeps its descriptors from plan to plan.
 *
 * @module
 */
import { slot } from '../../plan/abi.ts'
import { type PlanBuilder, planBuilder } from '../../plan/builder.ts'
import { type Arg, fromSlot } from '../../plan/program.ts'

const cached = 12

/** Descriptors that plans of one tree share; each number is a slot. */
export const treeSlot = {
  /** The destination's directory. */
  ROOT: slot.FREE,
  /** What contents come from: a directory or an archive. */
  ORIGIN: slot.FREE + 1,
  /** The file being written. */
  FILE: slot.FREE + 2,
  /** The file being read. */
  SOURCE: slot.FREE + 3,
  /** Results that are used at once. */
  RESULT: slot.FREE + 4,
  /** Directories of the destination, and of the origin. */
  TARGETS: { first: slot.FREE + 5, count: cached },
  SOURCES: { first: slot.FREE + 5 + cached, count: cached },
} as const

const COUNT = 5 + 2 * cached

/** How many slots a plan has that uses only these. */
export const SLOT_COUNT = slot.FREE + COUNT

export const root: Arg = fromSlot(treeSlot.ROOT)
export const origin: Arg = fromSlot(treeSlot.ORIGIN)
export const file: Arg = fromSlot(treeSlot.FILE)
export const source: Arg = fromSlot(treeSlot.SOURCE)
export const result: Arg = fromSlot(treeSlot.RESULT)

/** A builder in which the slots above are taken. */
export function treePlan(): PlanBuilder {
  const builder = planBuilder()
  for (let i = 0; i < COUNT; i++) builder.slot()
  return builder
}
