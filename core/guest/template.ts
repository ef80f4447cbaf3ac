/**
 * Templates: immutable trees that guests are laid over. One is made under another name, made to last, and
 * then renamed, so that a template that is there is whole.
 *
 * @module
 */
import { chmodSync, lstatSync, mkdirSync, readlinkSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errors } from '../errors.ts'
import { takeLock } from '../host/lock.ts'
import { ensureDirectory } from '../host/root_dirs.ts'
import { type Root, templateDir } from '../host/root.ts'
import { uniqueSuffix } from '../host/unique.ts'
import type { BootstrapContext, Bootstrapper } from '../plugin/types.ts'
import type { Registry } from '../plugin/registry.ts'
import { nearest } from './nearest.ts'
import { readNames, syncParent } from './files.ts'
import { sweep } from './sweep.ts'
import { syncFileSystem } from '../host/sync.ts'

/** What `--from` says, taken apart. */
export interface TemplateSource {
  readonly bootstrapper: Bootstrapper
  readonly source: string
}

/**
 * Finds the bootstrapper of a source. Pure.
 *
 * @throws {VServerError} E_USAGE
 */
export function findSource(from: string, registry: Registry): TemplateSource {
  const colon = from.indexOf(':')
  const schemes = registry.bootstrappers.map(({ scheme }) => scheme)
  const scheme = colon === -1 ? from : from.slice(0, colon)
  const bootstrapper = registry.bootstrappers.find((candidate) => candidate.scheme === scheme)
  if (colon === -1 || bootstrapper === undefined) {
    const meant = nearest(scheme, schemes)
    throw errors.E_USAGE(
      `Cannot use "${from}": it does not start with ${schemes.join(': or ')}:`,
      {
        hint: meant !== undefined && colon !== -1
          ? `did you mean ${meant}:${from.slice(colon + 1)}?`
          : 'for example --from dir:/srv/trixie',
      },
    )
  }
  return { bootstrapper, source: from.slice(colon + 1) }
}

export interface TemplateRequest {
  readonly from: TemplateSource
  readonly context: BootstrapContext
  /** Look at the source, even if an equal one was made into a template before. */
  readonly refresh: boolean
  /** Refuses a tree that cannot be used, by throwing. */
  readonly check: (tree: string) => void
  /** Told when another command is making the same template. */
  readonly onWait: (holder: { pid: number }) => void
}

/**
 * Gives the id of a template for a source, making it when there is none.
 *
 * Commands that want the same template at once make it once: the others wait, as long as it takes.
 */
export async function ensureTemplate(root: Root, request: TemplateRequest): Promise<string> {
  const { from: { bootstrapper, source }, context, check } = request
  const { session, signal } = context
  const before = request.refresh ? undefined : await usePinned(root, request)
  if (before !== undefined) return before
  const id = `${bootstrapper.scheme}-${await bootstrapper.id(source, context)}`
  if (!templateId.test(id)) {
    throw errors.E_PLUGIN(
      `Cannot use bootstrapper "${bootstrapper.scheme}": it gave the id "${id}"`,
    )
  }
  signal.throwIfAborted()
  const locks = join(root.run, 'templates')
  ensureDirectory(locks)
  const got = await takeLock(session, join(locks, `${id}.lock`), {
    verb: 'create',
    timeoutMs: Infinity,
    signal,
    onWait: request.onWait,
  })
  if ('holder' in got) throw new Error('a lock was given up although there is time')
  try {
    const place = templateDir(root, id)
    if (lstatSync(place, { throwIfNoEntry: false }) === undefined) {
      await makeTemplate(root, { id, place, request })
    } else check(place)
    return id
  } finally {
    await got.lock.release()
  }
}

/** The newest template that an equal request led to before, if one is there. */
async function usePinned(root: Root, request: TemplateRequest): Promise<string | undefined> {
  const { from: { bootstrapper, source }, context, check } = request
  for (const name of await bootstrapper.pinned?.(source, context) ?? []) {
    const id = `${bootstrapper.scheme}-${name}`
    if (!templateId.test(id)) continue
    const place = templateDir(root, id)
    if (lstatSync(place, { throwIfNoEntry: false }) === undefined) continue
    check(place)
    return id
  }
  return undefined
}

const templateId = /^[a-z0-9][a-z0-9._-]{0,200}$/

async function makeTemplate(
  root: Root,
  { id, place, request }: { id: string; place: string; request: TemplateRequest },
): Promise<void> {
  const { from: { bootstrapper, source }, context, check } = request
  const templates = join(root.lib, 'templates')
  // Left by makers that died: nobody else makes this one while the lock is ours.
  for (const name of readNames(templates)) {
    if (name.startsWith(`.new-${id}-`)) await sweep(context.session, join(templates, name))
  }
  const staged = join(templates, `.new-${id}-${uniqueSuffix()}`)
  mkdirSync(staged, { mode: 0o755 })
  chmodSync(staged, 0o755)
  try {
    await bootstrapper.make(source, staged, context)
    context.signal.throwIfAborted()
    makeMountPoints(staged, source)
    check(staged)
    context.progress({ phase: 'write to disk' })
    await syncFileSystem(context.session, staged)
    renameSync(staged, place)
    syncParent(place)
  } catch (error) {
    await sweep(context.session, staged)
    throw error
  }
}

/** Directories that file systems are mounted on, or that are written to, before a guest's init runs. */
const mountPoints = ['dev', 'proc', 'sys', 'etc'] as const

/**
 * Makes the directories that a start relies on, and refuses a tree in which one of them is something
 * else: a symbolic link there could lead the host out of the tree.
 *
 * @throws {VServerError} E_ROOTFS naming the path
 */
export function makeMountPoints(tree: string, source: string): void {
  for (const name of mountPoints) {
    const path = join(tree, name)
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found === undefined) {
      mkdirSync(path, { mode: 0o755 })
      chmodSync(path, 0o755)
    } else if (!found.isDirectory()) {
      const what = found.isSymbolicLink()
        ? `a symbolic link to "${readlinkSync(path)}"`
        : 'something else'
      throw errors.E_ROOTFS(
        `Cannot use "${source}": "/${name}" must be a directory, and is ${what}`,
        { hint: 'correct the tree, and create the guest again', details: { path: `/${name}` } },
      )
    }
  }
}
