/**
 * What the lab needs of the host.
 *
 * @module
 */
export const labNeeds: readonly string[] = [
  ...['root', 'vserver', 'qemu', 'busybox', 'depmod', 'musl-gcc', 'gcc', 'mmdebstrap'],
  ...['mkfs.ext4', 'mkfs.xfs', 'mkfs.btrfs', 'xz', 'dpkg-deb', 'apt-get'],
]
