/*
 * How the front door asks a guest's forker for a command: see PROTOCOL.md. Both are of one build, so the
 * layout is nobody else's.
 */
#ifndef VS_SERVE_H
#define VS_SERVE_H

#include <stddef.h>
#include <stdint.h>

/* A request: this head, the working directory, argv and additions to the environment, each with its NUL. */
struct vs_ask {
	uint32_t magic;
	/* VS_ASK_LOGIN: argv is the login command's, and argv_count 0 */
	uint32_t flags;
	uint32_t argv_count;
	uint32_t env_count;
};
#define VS_ASK_MAGIC 0x41535356u
#define VS_ASK_LOGIN 1u
/* All of a request, and all of its texts; what is larger takes the other way. */
#define VS_ASK_BYTES 32768
#define VS_ASK_WORDS 512

/*
 * The asker makes a pair of sockets, puts the request with its standard descriptors into the queue of one
 * end, and sends that end to the forker. Who takes the request out of the queue has it: the forker to
 * execute it, or the asker to do so in another way. The answer comes the other way.
 */
#define VS_ASK_FDS 3

/* The answer is one byte: RUNS, with a pidfd of the command, or NOT: it was not started, and never is. */
#define VS_ANSWER_RUNS 'R'
#define VS_ANSWER_NOT 'N'

/* sendmsg(2) and recvmsg(2), as the kernel has them */
struct vs_iovec {
	const void *base;
	size_t length;
};
struct vs_msghdr {
	void *name;
	int name_length;
	struct vs_iovec *iov;
	size_t iov_count;
	void *control;
	size_t control_length;
	unsigned flags;
};
struct vs_rights {
	/* of the head and the descriptors that are there */
	size_t length;
	int level;
	int type;
	int fds[VS_ASK_FDS + 1]; /* even, so that nothing is padded */
};
#define VS_RIGHTS_HEAD offsetof(struct vs_rights, fds)
#define VS_SOL_SOCKET 1
#define VS_SCM_RIGHTS 1
#define VS_MSG_CTRUNC 0x8
#define VS_MSG_TRUNC 0x20
#define VS_MSG_DONTWAIT 0x40
#define VS_MSG_NOSIGNAL 0x4000
#define VS_MSG_CMSG_CLOEXEC 0x40000000
#define VS_AF_UNIX 1
#define VS_SOCK_SEQPACKET 5

/*
 * words.c: argv and envp from NUL-terminated texts. The strings from *at up to an empty one or the
 * end, which *at is moved behind; how many.
 */
size_t vs_words_take(const char **at, const char *end, char **to);
/* Adds KEY=VALUE; a later entry takes the place of an earlier one with the same key. */
void vs_words_set(char **envp, const char *entry);

#endif
