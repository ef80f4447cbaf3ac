import { errors, type VServerError } from '../errors.ts'
import { verbs } from './verbs.ts'

/** What a guest's name looks like. */
export const namePattern = /^[a-z0-9][a-z0-9-]{0,62}$/

/** Says why a text cannot be the name of any guest; `undefined` when it can. Pure. */
export function patternProblem(name: string): string | undefined {
  if (name === '') return 'a name must not be empty'
  if (name.length > 63) return `it has ${name.length} characters, and 63 are allowed`
  if (!namePattern.test(name)) {
    return 'a name is made of a-z, 0-9 and "-", and starts with a letter or digit'
  }
  return undefined
}

/**
 * Says why a new guest cannot have this name. Verbs are refused, so that `vserver NAME VERB` and
 * `vserver VERB NAME` never mean two things. Pure.
 */
export function nameProblem(name: string): string | undefined {
  return verbs.has(name) ? 'it is a verb of vserver' : patternProblem(name)
}

/**
 * @param verb the words before the name in the message
 * @throws {VServerError} E_NAME when a new guest cannot have this name
 */
export function checkName(verb: string, name: string): void {
  const problem = nameProblem(name)
  if (problem !== undefined) throw nameError(verb, { name, problem })
}

/**
 * @param verb the words before the name in the message: `create`, `exec in`
 * @throws {VServerError} E_NAME when no guest can have this name
 */
export function checkPattern(verb: string, name: string): void {
  const problem = patternProblem(name)
  if (problem !== undefined) throw nameError(verb, { name, problem })
}

function nameError(
  verb: string,
  { name, problem }: { name: string; problem: string },
): VServerError {
  // Escaped, because a name may hold control characters that a terminal would act on.
  const shown = JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)
  return errors.E_NAME(`Cannot ${verb} ${shown}: ${problem}`, {
    hint: 'use a name such as web or db-1',
    details: { name },
  })
}
