/* Times as people and programs read them. */
#include "front.h"

#define CLOCK_BOOTTIME_ID 7

uint64_t vs_boottime_ms(void)
{
	return vs_clock_ns(CLOCK_BOOTTIME_ID) / 1000000;
}

static void digits(char *to, uint32_t value, int count)
{
	for (; count--; value /= 10)
		to[count] = (char)('0' + value % 10);
}

/* Howard Hinnant's civil_from_days, for dates since 1970. */
void vs_iso(char *to, uint64_t epoch_ms)
{
	uint64_t days = epoch_ms / 86400000 + 719468;
	uint32_t ms = (uint32_t)(epoch_ms % 86400000);
	uint32_t era = (uint32_t)(days / 146097), doe = (uint32_t)(days % 146097);
	uint32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	uint32_t mp = (5 * doy + 2) / 153;
	uint32_t month = mp < 10 ? mp + 3 : mp - 9;

	memcpy(to, "0000-00-00T00:00:00.000Z", VS_ISO);
	digits(to, yoe + era * 400 + (month <= 2), 4);
	digits(to + 5, month, 2);
	digits(to + 8, doy - (153 * mp + 2) / 5 + 1, 2);
	digits(to + 11, ms / 3600000, 2);
	digits(to + 14, ms / 60000 % 60, 2);
	digits(to + 17, ms / 1000 % 60, 2);
	digits(to + 20, ms % 1000, 3);
}

void vs_uptime(char *to, uint64_t ms)
{
	static const struct {
		uint32_t seconds;
		char unit;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	uint64_t left = ms / 1000;
	int i = 0;

	while (i < 3 && left < units[i].seconds)
		i++;
	to += vs_decimal(to, left / units[i].seconds);
	*to++ = units[i].unit;
	if (i < 3) {
		left %= units[i].seconds;
		*to++ = ' ';
		to += vs_decimal(to, left / units[i + 1].seconds);
		*to++ = units[i + 1].unit;
	}
	*to = 0;
}
