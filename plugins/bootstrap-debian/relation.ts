/**
 * Relations between packages: `a (>= 1) | b, c`. Pure.
 *
 * @module
 * @see Debian Policy 7.1
 */
import { isVersion, type Operator } from './version.ts'

export interface Relation {
  readonly name: string
  /** `any`, `native` or an architecture after the colon. */
  readonly qualifier?: string
  readonly operator?: Operator
  readonly version?: string
}

/** Alternatives, one of which must hold. */
export type Group = readonly Relation[]

const operators: Readonly<Record<string, Operator>> = {
  '<<': '<<',
  '<=': '<=',
  '<': '<=',
  '=': '=',
  '>=': '>=',
  '>': '>=',
  '>>': '>>',
}

const pattern =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|<|=|>=|>|>>)\s*([^\s()]+)\s*\))?$/

/** @throws {SyntaxError} for what is no relation */
function parseRelation(text: string): Relation {
  const match = pattern.exec(text.trim())
  const [, name, qualifier, sign, version] = match ?? []
  const operator = sign === undefined ? undefined : operators[sign]
  if (name === undefined || (version !== undefined && !isVersion(version))) {
    throw new SyntaxError(`"${text.trim()}" is not a relation`)
  }
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(operator === undefined || version === undefined ? {} : { operator, version }),
  }
}

/** Parses a field such as Depends. @throws {SyntaxError} */
export function parseRelations(text: string | undefined): readonly Group[] {
  return (text ?? '').split(',')
    .filter((group) => group.trim() !== '')
    .map((group) => group.split('|').map(parseRelation))
}

/** A relation as it is written. */
export function showRelation({ name, qualifier, operator, version }: Relation): string {
  const place = qualifier === undefined ? name : `${name}:${qualifier}`
  return operator === undefined ? place : `${place} (${operator} ${version})`
}

/** A group as it is written. */
export function showGroup(group: Group): string {
  return group.map(showRelation).join(' | ')
}
