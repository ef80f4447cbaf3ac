/**
 * A person's prompt on a machine.
 *
 * @module
 */
import process from 'node:process'
import type { HostName } from './hosts.ts'
import type { KernelName } from './kernel.ts'
import { machine } from './machine.ts'

/** Boots the host and connects this terminal to a shell on it, until that ends. */
export async function shell(
  { host, kernel }: { readonly host: HostName; readonly kernel: KernelName },
): Promise<number> {
  console.error(`lab: preparing ${host} ${kernel}; the first time takes a minute or two`)
  // Two processors boot faster, and a person can tell what their emulation does to a kernel.
  const one = await machine({
    host,
    kernel,
    purpose: 'shell',
    tree: true,
    interactive: true,
    processors: 2,
  })
  const { stdin } = process
  try {
    await one.boot()
    console.error(
      `\rlab: up after ${one.bootS().toFixed(1)} s; vserver and /lab/tree are there; ` +
        'exit switches it off\r',
    )
    // The machine's terminal echoes and edits; its ^C is not ours.
    if (stdin.isTTY) stdin.setRawMode(true)
    await one.off()
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.pause()
    await one.end()
  }
  return 0
}
