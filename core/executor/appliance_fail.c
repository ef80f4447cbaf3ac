/* Messages of the appliance before there is a runtime, as text or as JSON. */
#include <stdarg.h>

#include "appliance.h"
#include "lib.h"

static void put(struct vs_out *out, const char *text, int json)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (json && (byte == '"' || byte == '\\'))
			vs_out_char(out, '\\');
		/* A path may hold control characters: they are neither for terminals nor for JSON. */
		vs_out_char(out, byte < 0x20 || byte == 0x7f ? '?' : *text);
	}
}

int vs_appliance_fail(const struct vs_appliance *a, const char *code, const char *hint, ...)
{
	char buffer[1024];
	struct vs_out out = { .fd = 2, .size = sizeof(buffer), .buffer = buffer };
	const char *text;
	va_list list;

	vs_out_text(&out, a->json ? "{\"error\":{\"code\":\"" : "vserver: ");
	if (a->json) {
		vs_out_text(&out, code);
		vs_out_text(&out, "\",\"message\":\"");
	}
	va_start(list, hint);
	while ((text = va_arg(list, const char *)))
		put(&out, text, a->json);
	va_end(list);
	vs_out_text(&out, a->json ? "\",\"hint\":\"" : "\n  ");
	put(&out, hint, a->json);
	vs_out_text(&out, a->json ? "\",\"details\":null}}\n" : "\n");
	vs_flush(&out);
	return 1;
}
