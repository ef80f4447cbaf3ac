/**
 * Terminals. Pure data.
 *
 * @module
 */

// ioctl(2) requests of terminals.
export const TCGETS = 0x5401
export const TCSETS = 0x5402
export const TCSETSW = 0x5403
export const TCSETSF = 0x5404
export const TCFLSH = 0x540b
export const TIOCEXCL = 0x540c
export const TIOCSCTTY = 0x540e
export const TIOCGPGRP = 0x540f
export const TIOCSPGRP = 0x5410
export const TIOCSTI = 0x5412
export const TIOCGWINSZ = 0x5413
export const TIOCSWINSZ = 0x5414
export const TIOCLINUX = 0x541c
export const TIOCCONS = 0x541d
export const FIONREAD = 0x541b
export const FIONBIO = 0x5421
export const TIOCNOTTY = 0x5422
export const TIOCGSID = 0x5429
export const TIOCGPTN = 0x80045430
export const TIOCSPTLCK = 0x40045431
export const TIOCSIG = 0x40045436
export const TIOCGPTPEER = 0x5441

// Input flags of termios.
export const IGNBRK = 1
export const BRKINT = 2
export const IGNPAR = 4
export const PARMRK = 0o10
export const INPCK = 0o20
export const ISTRIP = 0o40
export const INLCR = 0o100
export const IGNCR = 0o200
export const ICRNL = 0o400
export const IXON = 0o2000
export const IXOFF = 0o10000
export const IUTF8 = 0o40000

// Output, control and local flags of termios.
export const OPOST = 1
export const ONLCR = 4
export const CSIZE = 0o60
export const CS8 = 0o60
export const PARENB = 0o400
export const ISIG = 1
export const ICANON = 2
export const ECHO = 0o10
export const ECHOE = 0o20
export const ECHOK = 0o40
export const ECHONL = 0o100
export const NOFLSH = 0o200
export const TOSTOP = 0o400
export const ECHOCTL = 0o1000
export const ECHOKE = 0o4000
export const IEXTEN = 0o100000

// Indices of control characters.
export const VINTR = 0
export const VQUIT = 1
export const VERASE = 2
export const VKILL = 3
export const VEOF = 4
export const VTIME = 5
export const VMIN = 6
export const VSUSP = 10
