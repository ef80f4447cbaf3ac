/**
 * Merges layers into one that shows the same over the same template. Pure.
 *
 * Every directory of the result is made anew, everything else is a link to what is there. Whiteouts stay
 * where the template has something to hide, and only there: in a directory that shows nothing else
 * overlayfs would list them.
 *
 * @module
 */
import { type ByteString, join, nameOf, parentOf } from '../../host/tree/names.ts'
import { lookUp, type SeenDirectory, type Spot, type Stack } from './lookup.ts'

/** A directory to make. */
export interface MergedDirectory {
  /** In the new layer; empty for its root. */
  readonly path: ByteString
  /** The one whose owner, mode, times and extended attributes it gets. */
  readonly like: Spot
  /** The template's directory of this name must not show through. */
  readonly opaque: boolean
  /** Where the template has it, when that is elsewhere. */
  readonly redirect: ByteString | undefined
}

/** A name to make for something that is no directory. */
export interface MergedLink {
  readonly path: ByteString
  readonly to: Spot
  readonly whiteout: boolean
}

export interface Merged {
  /** Parents before what is in them; the root first. */
  readonly directories: readonly MergedDirectory[]
  readonly links: readonly MergedLink[]
}

interface Pending {
  readonly path: ByteString
  readonly seen: SeenDirectory
}

/** Plans the merging of layers, top first, of which there is at least one. */
export function mergeLayers(stack: Stack): Merged {
  const { layers, template } = stack
  const whole = layers.map((_, layer) => ({ layer, path: '' }))
  const directories: MergedDirectory[] = [
    { path: '', like: { layer: 0, path: '' }, opaque: false, redirect: undefined },
  ]
  const links: MergedLink[] = []
  // A list, not recursion: trees may be deep.
  const pending: Pending[] = [{ path: '', seen: { stack: whole, template: '' } }]
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    const { path: above, seen } = here
    const names = new Set(seen.stack.flatMap(({ layer, path }) => layers[layer]?.names(path) ?? []))
    for (const name of names) {
      const path = join(above, name)
      const found = lookUp(stack, seen, name)
      switch (found.kind) {
        case 'absent':
          break
        case 'hidden': {
          const hides = seen.template !== undefined &&
            template(join(seen.template, name)) !== 'none'
          if (hides) links.push({ path, to: found.at, whiteout: true })
          break
        }
        case 'other':
          links.push({ path, to: found.at, whiteout: false })
          break
        case 'directory': {
          const [like = { layer: 0, path: '' }] = found.seen.stack
          const through = showThrough({ name, parent: seen, own: found.seen.template })
          directories.push({ path, like, ...through })
          pending.push({ path, seen: found.seen })
          break
        }
        default:
          found satisfies never
      }
    }
  }
  return { directories, links }
}

/** What a directory must say so that exactly the right one of the template shows through. */
function showThrough(
  { name, parent, own }: {
    name: ByteString
    parent: SeenDirectory
    own: ByteString | undefined
  },
): { opaque: boolean; redirect: ByteString | undefined } {
  if (own === undefined) return { opaque: parent.template !== undefined, redirect: undefined }
  if (parent.template !== undefined) {
    if (own === join(parent.template, name)) return { opaque: false, redirect: undefined }
    if (parentOf(own) === parent.template) return { opaque: false, redirect: nameOf(own) }
  }
  return { opaque: false, redirect: `/${own}` }
}
