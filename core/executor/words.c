/* Lists of words: an environment and an argv, made from texts that lie one after the other. */
#include "lib.h"
#include "serve.h"

static size_t key_length(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals ? (size_t)(equals - entry) : strlen(entry);
}

void vs_words_set(char **envp, const char *entry)
{
	size_t length = key_length(entry);

	for (; *envp; envp++)
		if (key_length(*envp) == length && !memcmp(*envp, entry, length))
			break;
	*envp = (char *)entry;
}

size_t vs_words_take(const char **at, const char *end, char **to)
{
	size_t count = 0;

	while (*at < end && **at) {
		to[count++] = (char *)*at;
		*at += strlen(*at) + 1;
	}
	*at += *at < end;
	return count;
}
