/**
 * What commands, checks and passes keep to.
 *
 * @module
 */
import { compileSteps } from '../../context/step.ts'
import { encode } from '../../plan/encode.ts'
import type { Session } from '../../plan/session.ts'
import type { Check, Command, Pass } from '../types.ts'
import { optionChecks } from './options.ts'
import { type ConformanceCheck, must } from './types.ts'

/** The suite of a command. It is not run: what it does is its own business. */
export function commandChecks(command: Command): readonly ConformanceCheck[] {
  const { verb, doc, positional = '', examples = [], options } = command
  const what = `command "${verb}"`
  return [
    {
      name: `${what}: is one word, described, with examples`,
      run() {
        must(/^[a-z][a-z0-9]*$/.test(verb), 'its verb is not one word of a-z and 0-9')
        must(doc !== '' && !doc.includes('\n'), 'its doc is not one line')
        must(/^((<[a-z-]+>|\[(\.\.\.)?[a-z-]+\])( |$))*$/.test(positional), 'its positional is odd')
        must(examples.length > 0, 'it has no examples')
        for (const example of examples) {
          must(example.startsWith(`vserver ${verb}`), `"${example}" is no example of it`)
        }
      },
    },
    ...optionChecks(what, options),
  ]
}

/** The suite of a check: its rows are complete. */
export function checkChecks(check: Check, session: Session): readonly ConformanceCheck[] {
  return [{
    name: `check "${check.check}": gives complete rows`,
    async run() {
      for (const row of await check.run(session)) {
        const { feature, found, needed, remedy, detail } = row
        must(typeof found === 'boolean', 'a row does not say whether it was found')
        for (const text of [feature, needed, detail]) {
          must(typeof text === 'string' && text !== '', `the row "${feature}" has an empty text`)
        }
        must(found || remedy !== '', `the row "${feature}" says nothing of what to do`)
      }
    },
  }]
}

/** The suite of a pass: the same plan from the same plan, and one that can be encoded. */
export function passChecks(pass: Pass): readonly ConformanceCheck[] {
  return [{
    name: `pass "${pass.pass}": is pure, and gives a plan`,
    run() {
      const sample = compileSteps('web', [{
        kind: 'sample',
        role: 'HOST',
        phrase: 'do nothing',
        emit: (p) => p.call('getpid', []),
      }])
      const before = encode(sample)
      const [one, other] = [encode(pass.apply(sample)), encode(pass.apply(sample))]
      must(Buffer.compare(one, other) === 0, 'two results differ')
      must(Buffer.compare(before, encode(sample)) === 0, 'it changes the plan that it is given')
    },
  }]
}
