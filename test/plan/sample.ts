/**
 * A plan that uses every op and every kind of argument once.
 *
 * @module
 */
import { planBuilder } from '../../core/plan/builder.ts'
import { bytes, part, type Plan, text } from '../../core/plan/program.ts'

/** One request of 16 bytes (NLMSG_NOOP) that asks for an acknowledgement. */
const request = Uint8Array.of(16, 0, 0, 0, 1, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0)

/** The plan; it is not made to be run. Pure. */
export function samplePlan(): Plan {
  const builder = planBuilder()
  const main = builder.program('MAIN')
  const helper = builder.program('HELPER')
  const gate = builder.gate()
  const child = builder.slot()
  const buffer = bytes(64, 16)
  const path = bytes(Uint8Array.of(0x61, 0x62, 0xff, 0), 1)

  main.step(0, 'read the "version" of Bötzow')
  const file = main.keep('openat', [-100, '/proc/ver\tsion"\\\n', 0, 0], { ignore: [2, 9999] })
  const read = main.keep('read', [file, buffer, 64], { ignore: [4] })
  main.call('write', [1, part(text('/proc/self'), { offset: 1, length: 4 }), 4], { whole: 2 })
  main.call('chdir', [part(text('/proc/self'), { offset: 6, length: 5 })])
  main.put(buffer, { offset: 8, width: 4 }, path)
  main.emit('LOAD', [part(buffer, { offset: 8, length: 4 })], { out: 17 })
  main.emit('DECIMAL', [part(buffer, { offset: 16, length: 8 }), read])
  main.step(1, 'run a helper')
  main.emit('CLONE', [bytes(88), 4], { out: child.slot })
  main.emit('WAIT', [gate])
  main.emit('REAP', [child])
  main.emit('NETLINK', [file, bytes(request, 4)])
  main.emit('CLOCK', [part(buffer, { offset: 0, length: 64 })])
  main.emit('REPORT', [buffer, read])
  main.emit('PRUNE', [file, 'group'])
  main.emit('SWEEP', [file, 'tree'])
  main.emit('LIST', [file, 'usr/bin'])
  main.emit('COMPARE', [part(buffer, { offset: 0, length: 16 }), 1])
  main.emit('RELINK', [file, 'usr/bin', part(buffer, { offset: 0, length: 16 }), read, 'staging'])
  helper.step(2, 'help')
  helper.emit('OPEN', [gate])
  helper.emit('EXEC', ['/bin:/usr/bin', { kind: 'slot', slot: 0 }, bytes(16)])
  return builder.build()
}
