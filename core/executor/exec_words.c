/* The command's arguments and environment, from the caller and the text of the enter plan. */
#include "front_exec.h"

static size_t key_length(const char *entry)
{
	const char *equals = strchr(entry, '=');

	return equals ? (size_t)(equals - entry) : strlen(entry);
}

/* A later entry takes the place of an earlier one with the same key. */
static void set(char **envp, const char *entry)
{
	size_t length = key_length(entry);

	for (; *envp; envp++)
		if (key_length(*envp) == length && !memcmp(*envp, entry, length))
			break;
	*envp = (char *)entry;
}

/* The strings from *at up to an empty one, which *at is moved behind. */
static size_t take(const char **at, const char *end, char **to)
{
	size_t count = 0;

	while (*at < end && **at) {
		to[count++] = (char *)*at;
		*at += strlen(*at) + 1;
	}
	*at += *at < end;
	return count;
}

size_t vs_exec_room(const struct vs_request *r, const struct vs_keptfile *k)
{
	size_t strings = 0;

	for (uint32_t i = 0; i < k->head->text_size; i++)
		strings += !k->text[i];
	return strings + (size_t)r->env_count + 4;
}

void vs_exec_words(struct vs_words *words, const struct vs_request *r, const struct vs_keptfile *k,
		   const char *term)
{
	const char *end = k->text + k->head->text_size, *at = k->text + strlen(k->text) + 1;

	take(&at, end, words->envp);
	take(&at, end, words->login);
	if (term)
		set(words->envp, term);
	for (int i = 0; i < r->env_count; i++)
		set(words->envp, r->env[i]);
	words->argv = r->verb == VS_VERB_ENTER ? words->login : r->command;
}
