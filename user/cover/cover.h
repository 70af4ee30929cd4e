/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COVER_H
#define COVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/feed.h"
#include "stream/list.h"

/*
 * What was seen of each process's talk, and what was not: the answer to
 * "why is there nothing?".  Made from the records alone, so a replay says the same.
 *
 * A process is unread when TLS application data passes on its sockets and no
 * TLS library gave us any of it.  Once that is so, its files are asked about
 * (cover_ask), and COVER_WAIT_NS later, or at its end, it is reported.
 */
#define COVER_WAIT_NS	(2 * 1000000000ull)
#define COVER_STACKS	8
#define COVER_PROCS_MAX	(64 * 1024)

struct cover_stack {
	unsigned lib;		/* wire_data.lib */
	uint64_t bytes[2];	/* plaintext, by enum wire_dir */
	uint64_t counted[2];	/* what the kernel half counted; the rest of it is lost */
	bool joined;		/* of a stream that was in use before we looked */
};

enum cover_what {
	COVER_UNREAD,		/* TLS, and none of it was read */
	COVER_PARTLY,		/* TLS, and most of it was not read */
	COVER_IO_URING,
	COVER_KTLS,
	COVER_QUIC,
	COVER_WHAT_CNT
};

struct cover_proc {
	uint32_t pid;
	uint64_t start;
	char *exe;		/* path; NULL: not known */
	char *peer;		/* server name of the first ClientHello; NULL */
	char *stacks_text;	/* what its files hold, of WIRE_COVER: "openssl 3.0.17 in /usr/lib/...: attached"; NULL */
	char *why;		/* of WIRE_COVER; NULL */
	struct cover_stack stack[COVER_STACKS];
	size_t stack_cnt;
	struct cover_stack plain;	/* sockets without TLS */
	uint64_t cipher[2];	/* TLS application data on sockets that no library call was seen to use */
	uint64_t loose[2];	/* plaintext of TLS objects whose socket the kernel half does not know */
	unsigned hellos;
	unsigned what;		/* bits by enum cover_what: holds now */
	unsigned said;		/* of them reported */
	uint64_t since;		/* when it became unread */
	bool asked;
	struct link suspect;	/* in the order of since */
};

struct cover;

struct cover *cover_new(void);		/* NULL: no memory */
void cover_free(struct cover *c);	/* NULL is fine */

/* Takes any record. */
void cover_record(struct cover *c, const struct wire_hdr *h);
/* Nobody wants the rest of this stream: what is missing of it is no loss. */
void cover_ignore(struct cover *c, uint64_t stream);
/* The same of one direction, until it is heard of again. */
void cover_mute(struct cover *c, uint64_t stream, int dir);

/* 1: this process's files should be asked about (capture_cover()).  0: none. */
int cover_ask(struct cover *c, uint32_t *ret_pid, uint64_t *ret_start);

struct cover_report {
	enum cover_what what;
	uint32_t pid;
	uint64_t start;
	uint64_t ts;
	char exe[256];
	char words[768];	/* one sentence, without its full stop */
};

/* 1: something a person should know; each process and thing once, and each program and thing once in all.  0: nothing more. */
int cover_next(struct cover *c, struct cover_report *ret);

const struct cover_proc *cover_get(const struct cover *c, uint32_t pid, uint64_t start);	/* NULL: nothing seen of it */

static inline uint64_t cover_lost(const struct cover_stack *s, int dir)
{
	return s->counted[dir] > s->bytes[dir] ? s->counted[dir] - s->bytes[dir] : 0;
}

/* "io_uring", ...; a short name for attributes and JSON. */
const char *cover_what_name(enum cover_what what);

struct cover_stats {
	uint64_t reports;	/* handed out */
	uint64_t repeated;	/* not handed out: another process of the same program was reported for the same */
	uint64_t refused;	/* processes and streams that could not be kept */
};
const struct cover_stats *cover_stats(const struct cover *c);

#endif /* COVER_H */
