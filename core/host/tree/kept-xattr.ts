import type { ByteString } from './names.ts'

/** Whether an xattr of this name is part of a tree: others belong to the host that it is on. Pure. */
export function isKeptXattr(name: ByteString): boolean {
  if (name.startsWith('trusted.')) return !name.startsWith('trusted.overlay.')
  return name.startsWith('user.') || name === 'security.capability' ||
    name === 'system.posix_acl_access' || name === 'system.posix_acl_default'
}

/**
 * Whether an xattr is part of what a guest has written, as overlayfs keeps it: also what makes whiteouts and
 * directories work as they do, but not the mark of one overlay. Pure.
 */
export function isOverlayXattr(name: ByteString): boolean {
  if (!name.startsWith('trusted.overlay.')) return isKeptXattr(name)
  return name !== 'trusted.overlay.uuid'
}
