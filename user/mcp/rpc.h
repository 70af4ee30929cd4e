/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RPC_H
#define RPC_H

#include "base/json.h"

/* A JSON-RPC 2.0 message (specification of 2013-01-04), in whatever order its members come. */
enum rpc_kind { RPC_REQUEST, RPC_NOTIFICATION, RPC_RESULT, RPC_ERROR };

struct rpc {
	enum rpc_kind kind;
	struct json id;		/* a string or a number; JSON_NULL: an error for a request that could not be read */
	struct json method;	/* of requests and notifications */
	struct json params, result, error;
	bool cut;		/* not all of the message is here */
};

/* False: v is no such message. */
bool rpc_read(struct json v, struct rpc *ret);

/* The same id: 1 is not "1". */
bool rpc_same_id(struct json a, struct json b);

#endif /* RPC_H */
