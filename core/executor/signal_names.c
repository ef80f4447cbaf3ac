/* Names of signals, as `kill -s` takes them. The numbers are those of x86-64 and aarch64. */
#include "front.h"

static const char names[32][8] = {
	[1] = "HUP",	 [2] = "INT",	  [3] = "QUIT",	 [4] = "ILL",	[5] = "TRAP",  [6] = "ABRT",
	[7] = "BUS",	 [8] = "FPE",	  [9] = "KILL",	 [10] = "USR1", [11] = "SEGV", [12] = "USR2",
	[13] = "PIPE",	 [14] = "ALRM",	  [15] = "TERM", [16] = "STKFLT", [17] = "CHLD", [18] = "CONT",
	[19] = "STOP",	 [20] = "TSTP",	  [21] = "TTIN", [22] = "TTOU", [23] = "URG",  [24] = "XCPU",
	[25] = "XFSZ",	 [26] = "VTALRM", [27] = "PROF", [28] = "WINCH", [29] = "IO",  [30] = "PWR",
	[31] = "SYS",
};

/* RTMIN is 34, as every C library has it. */
#define RTMIN 34
#define RTMAX 64

int vs_signal_number(const char *word)
{
	const char *rest = vs_after(word, "SIG");
	uint64_t number;

	if (!vs_parse_decimal(word, &number))
		return number >= 1 && number <= RTMAX ? (int)number : -1;
	if (rest)
		word = rest;
	for (int i = 1; i < 32; i++)
		if (vs_equal(word, names[i]))
			return i;
	if (vs_equal(word, "RTMIN"))
		return RTMIN;
	if (vs_equal(word, "RTMAX"))
		return RTMAX;
	rest = vs_after(word, "RTMIN+");
	if (rest && !vs_parse_decimal(rest, &number) && number <= RTMAX - RTMIN)
		return RTMIN + (int)number;
	rest = vs_after(word, "RTMAX-");
	if (rest && !vs_parse_decimal(rest, &number) && number <= RTMAX - RTMIN)
		return RTMAX - (int)number;
	return -1;
}
