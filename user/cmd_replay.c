// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "session.h"

#define FLUSH_MS 30000	/* nobody waits for a signal here: give a slow collector its time */

static void say_open(const char *path, int err)
{
	const char *why = strerror(-err);

	if (err == -EPROTO)
		why = "this is no onlooker recording";
	if (err == -ENOTSUP)
		why = "made by another version of onlooker, or on a machine of another byte order";
	fprintf(stderr, "onlooker replay: cannot read %s: %s\n", path, why);
}

/* Walks all records; a recording that stops in the middle is ended as an observation would be. */
static uint64_t walk(struct flow *f, struct recording *r)
{
	struct wire_hdr finish = { .size = sizeof(finish), .kind = WIRE_FINISH };
	uint64_t skipped_all = 0, skipped;
	const struct wire_hdr *h;
	int n;

	while ((n = recording_next(r, &h, &skipped))) {
		if (n < 0) {
			skipped_all += skipped;
			continue;
		}
		finish.ts = h->ts;
		flow_record(f, h, h->size);
	}
	flow_record(f, &finish, sizeof(finish));
	return skipped_all;
}

int cmd_replay(int argc, char **argv)
{
	struct options o = { 0 };
	struct session s = { .o = &o, .verb = "replay", .mode = WIRE_MODE_RUN, .replay = true };
	int at = options_parse(&o, OPT_SINKS, argc, argv), status, err;
	struct recording *r;
	uint64_t skipped;

	if (at == -2) {
		puts("usage: onlooker replay [options] FILE\n");
		options_help(OPT_SINKS);
		return 0;
	}
	if (at < 0)
		return EXIT_USAGE;
	if (at != argc - 1) {
		fprintf(stderr, "onlooker replay: which recording? onlooker replay [options] FILE\n");
		return EXIT_USAGE;
	}
	r = recording_open(argv[at], &err);
	if (!r) {
		say_open(argv[at], err);
		return EXIT_ENVIRONMENT;
	}
	status = session_open_sinks(&s, STDOUT_FILENO, o.live);
	if (!status) {
		skipped = walk(s.flow, r);
		if (skipped)
			fprintf(stderr, "onlooker replay: %s is damaged: %llu bytes were passed over\n", argv[at],
				(unsigned long long)skipped);
	}
	recording_close(r);
	session_end(&s, FLUSH_MS);
	return status;
}
