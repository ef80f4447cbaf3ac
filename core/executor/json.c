/* JSON strings, as JSON.stringify writes them. */
#include "front.h"

void vs_out_json(struct vs_out *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	static const char plain[] = "\b\t\n\f\r\"\\", letter[] = "btnfr\"\\";

	vs_out_char(out, '"');
	for (; *text; text++) {
		const char *found = strchr(plain, *text);
		uint8_t byte = (uint8_t)*text;

		if (found) {
			vs_out_char(out, '\\');
			vs_out_char(out, letter[found - plain]);
		} else if (byte < 0x20) {
			vs_out_text(out, "\\u00");
			vs_out_char(out, hex[byte >> 4]);
			vs_out_char(out, hex[byte & 15]);
		} else {
			vs_out_char(out, *text);
		}
	}
	vs_out_char(out, '"');
}
