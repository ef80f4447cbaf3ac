/* The caller's terminal. */
#include "relay.h"

#include <asm/ioctls.h>

static struct termios saved;
static int raw_fd = -1;

int vs_is_terminal(int fd)
{
	struct termios now;

	return !sys(__NR_ioctl, fd, TCGETS, &now);
}

static void make_raw(void)
{
	struct termios raw = saved;

	raw.c_iflag &= ~(unsigned)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
	raw.c_oflag &= ~(unsigned)OPOST;
	raw.c_lflag &= ~(unsigned)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	raw.c_cflag = (raw.c_cflag & ~(unsigned)(CSIZE | PARENB)) | CS8;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	sys(__NR_ioctl, raw_fd, TCSETSW, &raw);
}

void vs_terminal_raw(int fd)
{
	if (sys(__NR_ioctl, fd, TCGETS, &saved))
		return;
	raw_fd = fd;
	make_raw();
}

void vs_terminal_again(void)
{
	if (raw_fd >= 0)
		make_raw();
}

void vs_terminal_restore(void)
{
	if (raw_fd >= 0)
		sys(__NR_ioctl, raw_fd, TCSETSW, &saved);
}

void vs_terminal_copy_size(int from, int to)
{
	struct winsize size;

	if (!sys(__NR_ioctl, from, TIOCGWINSZ, &size))
		sys(__NR_ioctl, to, TIOCSWINSZ, &size);
}
