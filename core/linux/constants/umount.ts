/**
 * Unmounting. Pure data.
 *
 * @module
 */

// Flags of umount2(2).
export const MNT_FORCE = 1
export const MNT_DETACH = 2
export const MNT_EXPIRE = 4
export const UMOUNT_NOFOLLOW = 8
