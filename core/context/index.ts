/**
 * A guest's context: from its configuration and the host's facts to plans. Pure.
 *
 * @module
 */
export type { Compiled, Facts, GuestInput, GuestMount, InputPath } from './input.ts'
export type { Origin, Step } from './step.ts'
export { planStart } from './start.ts'
export { planEnter } from './enter.ts'
export { planFork } from './forker.ts'
export { notifyPath } from './dev.ts'
