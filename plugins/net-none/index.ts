/**
 * Network mode `none`: a network namespace of the guest's own with nothing in it but the loopback.
 *
 * @module
 */
import * as k from '../../core/linux/constants.ts'
import { loopbackUp } from '../../core/linux/netlink/link.ts'
import { encodeRequests } from '../../core/linux/netlink/message.ts'
import { bytes } from '../../core/plan/program.ts'
import type { Plugin } from '../../core/plugin/types.ts'

export default {
  name: 'net-none',
  api: 1,
  networkModes: [
    {
      mode: 'none',
      doc: 'no network but the loopback',
      namespace: 'own',
      steps: () => [
        {
          kind: 'network',
          role: 'GUEST',
          phrase: 'bring up the loopback interface',
          origin: { plugin: 'net-none', key: 'network.mode' },
          emit(p) {
            const type = k.SOCK_RAW | k.SOCK_CLOEXEC
            const socket = p.keep('socket', [k.AF_NETLINK, type, k.NETLINK_ROUTE])
            p.emit('NETLINK', [socket, bytes(encodeRequests([loopbackUp()]).bytes, 4)])
            p.call('close', [socket])
          },
        },
      ],
    },
  ],
} satisfies Plugin
