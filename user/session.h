/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SESSION_H
#define SESSION_H

#include "base/buf.h"
#include "capture/capture.h"
#include "feed/feed.h"
#include "flow.h"
#include "options.h"
#include "sink/metrics_export.h"

/*
 * One observation, from the kernel half to the sinks: what run, watch, record
 * and replay share.  Says on stderr what a person has to know, each thing once.
 */
struct session {
	const struct options *o;
	const char *verb;
	enum wire_mode mode;
	bool replay;			/* of what is long over: spans, no metrics */
	struct capture *capture;	/* NULL in replay */
	struct recording *recording;	/* NULL: none is kept */
	struct prices *prices;		/* NULL: no costs */
	struct metrics *metrics;	/* NULL: nobody asked */
	struct metrics_export *metrics_export;
	struct prometheus *prometheus;
	struct flow *flow;		/* NULL: records are only kept */
	struct sink *sinks[FLOW_SINKS_MAX];
	size_t sink_cnt;
	int recording_err;
	bool sink_failed;		/* and that was said */
	uint64_t next_tick, next_books;	/* CLOCK_BOOTTIME ns */
	struct sink *logs;		/* NULL: none was needed so far, or nobody wants them */
	bool logs_refused;
	struct buf reports;		/* what could not be seen, for the end: CMD's terminal is its own while it runs */
};

/* Who files are given to: the user behind sudo, else (unsigned)-1 for "as it is". */
void session_owner(unsigned *ret_uid, unsigned *ret_gid);

/* Sinks as the options and the environment say; with none of them a terminal on fd. 0, or an exit status after saying why. */
int session_open_sinks(struct session *s, int terminal_fd, bool live);
/* The kernel half, and the recording if one is kept.  0, or an exit status after saying why. */
int session_open_capture(struct session *s);
/* Must be called once before the first record. root_pid: run's command. */
void session_begin(struct session *s, pid_t root_pid);

/* session_metrics.c: who gets metrics, as the options and the environment say; after that, onlooker's own books for them; the end. */
int session_open_metrics(struct session *s);
void session_metrics_books(struct session *s);
void session_close_metrics(struct session *s, int timeout_ms);

/* Handles what the kernel half has now; the caller polls capture_fd() with session_timeout_ms(). */
void session_turn(struct session *s);
int session_timeout_ms(const struct session *s);

/* Drains, ends all that is open, flushes within timeout_ms, says what was lost, frees. Returns an exit status: 0, or 1 when a recording failed. */
int session_end(struct session *s, int timeout_ms);

/* session_logs.c: what is not seen, as a log record to those who get spans by OTLP. */
void session_log(struct session *s, const struct cover_report *r);
void session_close_logs(struct session *s, int timeout_ms);

/* Books, coverage and sinks as JSON. */
void session_status(struct session *s, struct buf *out);

#endif /* SESSION_H */
