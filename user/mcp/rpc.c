// SPDX-License-Identifier: Apache-2.0
#include "mcp/rpc.h"

static bool is_id(struct json v)
{
	return (v.type == JSON_STRING || v.type == JSON_NUMBER) && !v.cut && !v.bad;
}

static void pick(struct json v, struct rpc *ret, struct json *version)
{
	struct json_iter it = json_each(v);
	struct json_member m;
	struct {
		const char *name;
		struct json *at;
	} fields[] = {
		{ "jsonrpc", version }, { "id", &ret->id }, { "method", &ret->method }, { "params", &ret->params },
		{ "result", &ret->result }, { "error", &ret->error },
	};

	while (json_next(&it, &m))
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (fields[i].at->type == JSON_NONE && json_is(m.key, fields[i].name))
				*fields[i].at = m.value;
	ret->cut = it.cut || it.bad;
}

bool rpc_read(struct json v, struct rpc *ret)
{
	struct json version = { .type = JSON_NONE };

	*ret = (struct rpc){ .cut = false };
	if (v.type != JSON_OBJECT)
		return false;
	pick(v, ret, &version);
	/* Members have no order: of a message that was cut the version may be what is missing. */
	if (!json_is(version, "2.0") && !(ret->cut && version.type == JSON_NONE))
		return false;
	if (ret->method.type == JSON_STRING && !ret->method.cut) {
		ret->kind = is_id(ret->id) ? RPC_REQUEST : RPC_NOTIFICATION;
		/* A notification has no id; one that was cut may have had it. */
		return ret->kind == RPC_REQUEST || (ret->id.type == JSON_NONE && !ret->cut);
	}
	if (!is_id(ret->id) && ret->id.type != JSON_NULL)
		return false;
	ret->kind = ret->error.type == JSON_OBJECT ? RPC_ERROR : RPC_RESULT;
	return ret->kind == RPC_ERROR || (ret->result.type != JSON_NONE && is_id(ret->id));
}

bool rpc_same_id(struct json a, struct json b)
{
	return is_id(a) && a.type == b.type && view_eq(a.raw, b.raw);
}
