/* SPDX-License-Identifier: Apache-2.0 */
#ifndef A2A_METHODS_H
#define A2A_METHODS_H

#include "a2a/a2a.h"
#include "base/json.h"

/* NULL: none of this protocol.  *ret_old: by its name of before 1.0, which other protocols may have too. */
const struct a2a_method *a2a_method_rpc(struct json name, bool *ret_old);

/* The first name in the path, where the method has one, goes to *ret_id.  NULL: no path of this protocol. */
const struct a2a_method *a2a_method_rest(struct view verb, struct view path, struct view *ret_id);

/* A state in the words of any version. */
struct a2a_state a2a_state_of(struct json word);

#endif /* A2A_METHODS_H */
