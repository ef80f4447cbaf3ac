/**
 * The guest.yaml of a new guest without settings, as `newGuestYaml` would write it. Pure.
 *
 * @module
 */
import { isPlainText } from '../guest/plain_config.ts'

/** The comment on top, without `#`. */
export const guestYamlHeader =
  ` Configuration of this guest. "vserver explain --file FILE --check" checks it;
 most keys count when the guest starts next: "vserver status NAME" lists those as pending.`

/** The text; `undefined` where `from` needs quotes, or may need some. */
export function plainGuestYaml(from: string): string | undefined {
  if (!isPlainText(from)) return undefined
  return `${guestYamlHeader.replaceAll(/^/gm, '#')}\n\nfrom: ${from}\n`
}
