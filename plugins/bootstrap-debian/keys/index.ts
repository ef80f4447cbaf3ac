/**
 * The keys that sign Debian's archives, as the Debian package debian-archive-keyring 2023.3+deb12u2 has
 * them. To renew: unpack a newer debian-archive-keyring that is signed itself, and put the files of
 * etc/apt/trusted.gpg.d here.
 *
 * | key | fingerprint of the primary key |
 * | --- | --- |
 * | bullseye-automatic | 1F89983E0081FDE018F3CC9673A4F27B8DD47936 |
 * | bullseye-security-automatic | AC530D520F2F3269F5E98313A48449044AAD5C5D |
 * | bullseye-stable | A4285295FC7B1A81600062A9605C66F00D6C9793 |
 * | bookworm-automatic | B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8 |
 * | bookworm-security-automatic | 05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0 |
 * | bookworm-stable | 4D64FEC119C2029067D6E791F8D2585B8783D481 |
 * | trixie-automatic | 04B54C3CDCA79751B16BC6B5225629DF75B188BD |
 * | trixie-security-automatic | 5E04A1E3223A19A20706E20F9904613D4CCE68C6 |
 * | trixie-stable | 41587F7DB8C774BCCF131416762F67A0B2C39DE4 |
 *
 * @module
 */
import bullseyeAutomatic from './bullseye-automatic.ts'
import bullseyeSecurityAutomatic from './bullseye-security-automatic.ts'
import bullseyeStable from './bullseye-stable.ts'
import bookwormAutomatic from './bookworm-automatic.ts'
import bookwormSecurityAutomatic from './bookworm-security-automatic.ts'
import bookwormStable from './bookworm-stable.ts'
import trixieAutomatic from './trixie-automatic.ts'
import trixieSecurityAutomatic from './trixie-security-automatic.ts'
import trixieStable from './trixie-stable.ts'

/** Armoured blocks. */
export const archiveKeys: readonly string[] = [
  bullseyeAutomatic,
  bullseyeSecurityAutomatic,
  bullseyeStable,
  bookwormAutomatic,
  bookwormSecurityAutomatic,
  bookwormStable,
  trixieAutomatic,
  trixieSecurityAutomatic,
  trixieStable,
]
