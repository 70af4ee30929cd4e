/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/view.h"
#include "wire.h"

/*
 * Records in and out.  A recording is a header and the records as they were
 * walked, the user half's among them, so a replay walks the same way.
 */

/* True when size, kind and the lengths inside agree: what feed hands on needs no further bounds check. */
bool feed_valid(const struct wire_hdr *h, size_t room);

struct recording;

/* Creates path with mode 0600 (an existing file is replaced).  NULL: *ret_err = negative errno. */
struct recording *recording_create(const char *path, unsigned owner, unsigned group, int *ret_err);
/* Appends one record.  0 or negative errno. */
int recording_put(struct recording *r, const struct wire_hdr *h);
/* Flushes and closes; 0 or negative errno. */
int recording_close(struct recording *r);

struct recording *recording_open(const char *path, int *ret_err);	/* -EPROTO: no recording; -ENOTSUP: another version */
/*
 * 1: *ret is the next record, good until the next call.  0: end.  -EPROTO: damaged here; the
 * reader has skipped to the next record that makes sense if there is one, so go on calling; *ret_skipped bytes were passed over.
 */
int recording_next(struct recording *r, const struct wire_hdr **ret, uint64_t *ret_skipped);

/* For views of what follows the fixed parts.  Only on records that are valid. */
struct view wire_data_bytes(const struct wire_data *d);
struct view wire_exec_filename(const struct wire_exec *e);
struct view wire_exec_argv(const struct wire_exec *e);
struct view wire_hello_bytes(const struct wire_hello *h);
struct view wire_dns_bytes(const struct wire_dns *d);
struct view wire_facts_str(const struct wire_facts *f, enum wire_fact which);
struct view wire_cover_str(const struct wire_cover *c, enum wire_cover_text which);

#endif /* FEED_H */
