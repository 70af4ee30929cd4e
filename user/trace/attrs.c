// SPDX-License-Identifier: Apache-2.0
#include "trace/attrs.h"

const struct attr_def attr_defs[ATTR_CNT] = {
#define X(id, key, kind, is_content, words) \
	[ATTR_##id] = { .name = key, .type = VALUE_##kind, .content = is_content, .text = words },
	ATTRS(X)
#undef X
};
