/* The command's arguments and environment, from the caller and the text of the enter plan. */
#include "front_exec.h"
#include "serve.h"

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

	vs_words_take(&at, end, words->envp);
	vs_words_take(&at, end, words->login);
	if (term)
		vs_words_set(words->envp, term);
	for (int i = 0; i < r->env_count; i++)
		vs_words_set(words->envp, r->env[i]);
	words->argv = r->verb == VS_VERB_ENTER ? words->login : r->command;
}
