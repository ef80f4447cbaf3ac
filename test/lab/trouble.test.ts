/**
 * What counts as a report of the kernel's.
 */
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'
import { plain, troubleIn } from './trouble.ts'

const test = suite('troubleIn()')

const reports = [
  'Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100',
  'WARNING: CPU: 1 PID: 77 at fs/namespace.c:1 f+0x1/0x2 [overlay]',
  'BUG: kernel NULL pointer dereference, address: 0000000000000008',
  'BUG: unable to handle page fault for address: ffff888000000000',
  'BUG: KASAN: use-after-free in f+0x1/0x2',
  'BUG: KFENCE: use-after-free read in f+0x1/0x2',
  'BUG: sleeping function called from invalid context at mm/slab.h:1',
  'BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!',
  'kernel BUG at fs/inode.c:1!',
  'Oops: 0000 [#1] PREEMPT SMP NOPTI',
  'general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1]',
  'watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [vserver:77]',
  'watchdog: Watchdog detected hard LOCKUP on cpu 0',
  'INFO: task vserver:77 blocked for more than 120 seconds.',
  'rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:',
  'rcu: INFO: rcu_preempt self-detected stall on CPU',
  'refcount_t: underflow; use-after-free.',
  'list_del corruption. prev->next should be ffff, but was dead',
  'UBSAN: array-index-out-of-bounds in fs/x.c:1:2',
  'unregister_netdevice: waiting for lo to become free. Usage count = 2',
  'Out of memory: Killed process 77 (node) total-vm:1kB',
  'EXT4-fs error (device vda): ext4_lookup:1: inode #2: comm ls: deleted inode referenced: 12',
  'XFS (vdd): Metadata corruption detected at xfs_agi_verify+0x1/0x2',
  'BTRFS error (device vdd): bad tree block start',
  'I/O error, dev vdd, sector 8 op 0x1:(WRITE) flags 0x800 phys_seg 1 prio class 2',
  'INFO: possible recursive locking detected',
]

for (const report of reports) {
  test(`sees "${report.slice(0, 40)}"`, () => {
    assert.is(troubleIn(`[   12.345678] ${report}`), report)
    assert.is(troubleIn(`[    0.000001][  T123] ${report}\r`), report)
    assert.is(troubleIn(`[123456.345678][ C1] ${report}`), report)
  })
}

const harmless = [
  'WARNING: this is a program that speaks',
  '[   12.345678] vserver: WARNING: a program that writes to the log',
  '[   12.345678] systemd[1]: Failed to find WARNING: x',
  '[   12.345678] Freeing unused kernel image memory: 2000K',
  '[   12.345678] NMI watchdog: Perf NMI watchdog permanently disabled',
  '[   12.345678] EXT4-fs (vda): mounted filesystem with ordered data mode. Quota mode: none.',
  '[   12.345678] XFS (vdd): Ending clean mount',
  '[   12.345678] BTRFS info (device vdd): using crc32c algorithm',
  '[  12.3] BUG: no stamp of the kernel has one digit',
  '[   12.345678] rcu: Hierarchical RCU implementation.',
  '[   12.345678] clocksource: timekeeping watchdog on CPU0: Marking clocksource unstable',
  '',
]

for (const line of harmless) {
  test(`sees nothing in "${line.slice(0, 50)}"`, () => assert.is(troubleIn(line), undefined))
}

test.run()

const showing = suite('plain()')

showing('drops what moves a terminal', () => {
  assert.is(plain('\x1bc\x1b[?7l\x1b[2J\x1b[0m[    1.000000] BUG: x\r'), '[    1.000000] BUG: x')
})

showing.run()
