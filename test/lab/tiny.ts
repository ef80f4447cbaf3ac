/**
 * A guest of a few static programs, on a machine that has the tree under test.
 *
 * @module
 */

/** Makes the tree at /tmp/tiny: its init does nothing until it is asked to end. */
export const tinyTree = [
  'mkdir -p /tmp/tiny && cd /tmp/tiny',
  'mkdir -p etc tmp dev proc sys run root sbin',
  'echo root:x:0:0:root:/root:/bin/sh >etc/passwd',
  'cp /lab/tree/dist/test-tools/init sbin/init',
  'cp /lab/tree/dist/test-tools/true true-static',
].join(' && ')
