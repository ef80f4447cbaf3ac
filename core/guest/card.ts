/**
 * A guest's card: what `status` and `list` print of a guest besides its state. A start plan carries it,
 * so that the native verbs print the same bytes without reading any YAML.
 *
 * @module
 */
import { card as position } from '../plan/abi.ts'

export interface Card {
  readonly name: string
  readonly from: string | undefined
  readonly template: string | undefined
  readonly ids: { readonly first: number; readonly count: number }
  /** Below each cgroup hierarchy: `/vserver-8a5edab/web`. */
  readonly cgroup: string
  /** Network mode. */
  readonly network: string
}

/** The guest's cgroup as people see it, the same on every cgroup layout. Pure. */
export function shownCgroup(digest6: string, name: string): string {
  return `/vserver-${digest6}/${name}`
}

/** JSON members of a card, without braces. Pure. */
export function cardJson({ from, template, ids, cgroup, network }: Card): string {
  const object = {
    from: from ?? null,
    template: template ?? null,
    ids: { first: ids.first, count: ids.count },
    cgroup,
    network: { mode: network },
  }
  return JSON.stringify(object).slice(1, -1)
}

/**
 * The card's strings, in the order of `card` in the binary interface. Pure.
 *
 * @param supervisors cgroup2 directory that the supervisor is born in; absent: the caller's own
 */
export function encodeCard(card: Card, supervisors?: string): readonly string[] {
  const strings: string[] = []
  strings[position.NAME] = card.name
  strings[position.FROM] = card.from ?? '-'
  strings[position.TEMPLATE] = card.template ?? '-'
  strings[position.IDS] = `${card.ids.first}+${card.ids.count}`
  strings[position.CGROUP] = card.cgroup
  strings[position.NETWORK] = card.network
  strings[position.JSON] = cardJson(card)
  strings[position.SUPERVISORS] = supervisors ?? '-'
  return strings
}
