/*
 * What the program says of itself without its runtime, as the appliance says it (core/cli/help.ts, about.ts):
 * that works where nothing can be unpacked, and for everybody.
 */
#include "front.h"

#include "about.h"

int vs_about(int argc, char **argv)
{
	char buffer[64];
	uint8_t build[32];
	char hex[65];
	struct vs_out out = { .fd = 1, .size = sizeof(buffer), .buffer = buffer };
	const char *word = argc == 2 ? argv[1] : "";

	if (vs_equal(word, "--help") || vs_equal(word, "-h") || vs_equal(word, "help")) {
		vs_out_text(&out, help_text);
	} else if (vs_equal(word, "--version") || vs_equal(word, "-v")) {
		vs_own_build(build);
		vs_hex(hex, build, 6);
		vs_out_text(&out, "vserver " VS_VERSION " (");
		vs_out_text(&out, hex);
		vs_out_text(&out, ")\n");
	} else {
		return -1;
	}
	return vs_print_end(&out, 0);
}
