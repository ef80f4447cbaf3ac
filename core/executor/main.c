/* Chooses the role from the first argument. No guest's name and no option starts with "@". */
#include "front.h"

static int print_build(void)
{
	uint8_t id[32];
	char text[66];

	vs_own_build(id);
	vs_hex(text, id, sizeof(id));
	text[64] = '\n';
	return vs_write_full(1, text, 65) ? 1 : 0;
}

int main(int argc, char **argv, char **envp)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (*word != '@')
		return vs_front(argc, argv, envp);
	if (argc == 2 && vs_equal(word, "@batch"))
		return vs_batch();
	if (argc == 2 && vs_equal(word, "@build"))
		return print_build();
	if (vs_equal(word, "@supervise"))
		return vs_supervise(argc, argv, envp);
	if (argc == 4 && vs_equal(word, "@attach"))
		return vs_attach(argc, argv, envp);
	return 2;
}
