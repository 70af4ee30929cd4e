/* SPDX-License-Identifier: Apache-2.0 */
#ifndef METRIC_DEFS_H
#define METRIC_DEFS_H

#include "metric/metric.h"

/* A metric of spans: which ones, what of them, and told apart by which of their attributes. */
struct metric_row {
	struct metric_def def;
	const char *token_type;		/* gen_ai.token.type; NULL: the metric has none */
	const enum attr_id *attrs;	/* ATTR_CNT ends it */
	/* False: this span has no such value. */
	bool (*value)(const struct span *s, double *ret);
	/* In place of value: many at once. */
	const struct gen_chunks *(*chunks)(const struct span *s);
};

extern const struct metric_row metric_rows[];	/* a row without a name ends it */

/* onlooker's own; a row without a name ends it. */
extern const struct metric_def metric_books[];

#endif /* METRIC_DEFS_H */
