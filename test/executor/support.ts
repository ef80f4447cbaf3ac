/**
 * For tests of the executor: sessions, and plans in few words.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { cloneArgs } from '../../core/linux/structs.ts'
import { type Role, role } from '../../core/plan/abi.ts'
import { type PlanBuilder, planBuilder, type ProgramBuilder } from '../../core/plan/builder.ts'
import { OpFailure } from '../../core/plan/failure.ts'
import { bytes, type Cell, type Plan } from '../../core/plan/program.ts'
import { openSession, type Session } from '../../core/plan/session.ts'
import { executorPath } from '../support/paths.ts'
import type { TestContext } from '../support/suite.ts'

/** The executor under test; `sanitize.sh` puts another in its place. */
export const executor = process.env['VSERVER_TEST_EXECUTOR'] ?? executorPath

/** A session that ends with the test. */
export async function session({ cleanup }: TestContext): Promise<Session> {
  const opened = await openSession(executor)
  cleanup(() => opened.close())
  return opened
}

/** An empty directory that is removed with the test. */
export function scratch({ cleanup }: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'vserver-executor-'))
  cleanup(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A plan whose programs start with a step named after their role. */
export function plan(fill: (main: ProgramBuilder, builder: PlanBuilder) => void): Plan {
  const builder = planBuilder()
  fill(program(builder, 'MAIN'), builder)
  return builder.build()
}

/** A program with its first step. */
export function program(builder: PlanBuilder, name: Role): ProgramBuilder {
  const made = builder.program(name)
  made.step(role[name], `do the work of ${name}`)
  return made
}

/** Emits a CLONE of a program; gives back the slot of its pid. */
export function clone(
  { from, builder, into }: { from: ProgramBuilder; builder: PlanBuilder; into: Role },
  flags: number | bigint = 0,
) {
  const pid = builder.slot()
  from.emit('CLONE', [bytes(cloneArgs.encode({ flags, exit_signal: 17 })), role[into]], {
    out: pid.slot,
  })
  return pid
}

/** An array of pointers to texts, ended by NULL, that is filled in at run time. */
export function pointers(to: ProgramBuilder, texts: readonly string[]): Cell {
  const cell = bytes(8 * (texts.length + 1))
  texts.forEach((each, i) => to.put(cell, { offset: 8 * i, width: 8 }, each))
  return cell
}

/** Runs a plan that must fail, and gives back how. */
export async function failure(opened: Session, failing: Plan): Promise<OpFailure> {
  try {
    await opened.run(failing)
  } catch (error) {
    if (error instanceof OpFailure) return error
    throw error
  }
  throw new Error('the plan did not fail')
}

/** What a plan reports, as text. */
export async function reported(opened: Session, reporting: Plan): Promise<string> {
  const { bytes: raw } = await opened.run(reporting)
  return new TextDecoder().decode(raw)
}
