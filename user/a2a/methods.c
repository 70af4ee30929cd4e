// SPDX-License-Identifier: Apache-2.0
/* Operations and states: A2A specification 1.0.1, sections 9 and 11 (bindings); 0.3.0, section 7; 0.2. */
#include "a2a/methods.h"

/* A longer tail of the same path comes first. */
static const struct a2a_method methods[] = {
	{ "SendMessage", "message/send", "tasks/send", "POST", "/message:send", A2A_INVOKES },
	{ "SendStreamingMessage", "message/stream", "tasks/sendSubscribe", "POST", "/message:stream", A2A_INVOKES },
	{ "CancelTask", "tasks/cancel", NULL, "POST", "/tasks/*:cancel", A2A_TASK },
	{ "SubscribeToTask", "tasks/resubscribe", NULL, "GET", "/tasks/*:subscribe", A2A_FOLLOWS },
	{ "SubscribeToTask", NULL, NULL, "POST", "/tasks/*:subscribe", A2A_FOLLOWS },
	{ "GetTask", "tasks/get", NULL, "GET", "/tasks/*", A2A_TASK },
	{ "ListTasks", NULL, NULL, "GET", "/tasks", A2A_OTHER },
	{ "CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set", "tasks/pushNotification/set", "POST",
	  "/tasks/*/pushNotificationConfigs", A2A_OTHER },
	{ "GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get", "tasks/pushNotification/get", "GET",
	  "/tasks/*/pushNotificationConfigs/*", A2A_OTHER },
	{ "ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list", NULL, "GET",
	  "/tasks/*/pushNotificationConfigs", A2A_OTHER },
	{ "DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete", NULL, "DELETE",
	  "/tasks/*/pushNotificationConfigs/*", A2A_OTHER },
	{ "GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard", "agent/authenticatedExtendedCard", "GET",
	  "/extendedAgentCard", A2A_CARD },
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

const struct a2a_method *a2a_method_rpc(struct json name, bool *ret_old)
{
	for (size_t i = 0; i < METHODS; i++) {
		const struct a2a_method *m = &methods[i];
		bool now = json_is(name, m->name);

		if (!now && !(m->v03 && json_is(name, m->v03)) && !(m->v02 && json_is(name, m->v02)))
			continue;
		*ret_old = !now;
		return m;
	}
	return NULL;
}

static struct view last_segment(struct view *path)
{
	const char *slash = path->n ? memrchr(path->p, '/', path->n) : NULL;
	struct view seg = slash ? view_drop(*path, slash + 1 - path->p) : *path;

	path->n = slash ? (size_t)(slash - path->p) : 0;
	return seg;
}

/* From its end on: what is before it is the agent's own business. */
static bool tail_matches(struct view path, struct view tail, struct view *ret_id)
{
	struct view id = VIEW_NONE;

	while (tail.n) {
		struct view want = last_segment(&tail), seg = last_segment(&path);

		if (want.n && want.p[0] == '*') {
			want = view_drop(want, 1);
			if (seg.n <= want.n || !view_ends(seg, want))
				return false;
			id = view_take(seg, seg.n - want.n);
		} else if (!view_eq(seg, want)) {
			return false;
		}
	}
	*ret_id = id;
	return true;
}

const struct a2a_method *a2a_method_rest(struct view verb, struct view path, struct view *ret_id)
{
	for (size_t i = 0; i < METHODS; i++)
		if (view_eq(verb, view_of(methods[i].verb)) && tail_matches(path, view_of(methods[i].tail), ret_id))
			return &methods[i];
	return NULL;
}

static const struct {
	const char *now, *v03;
	struct a2a_state state;
} states[] = {
	{ "TASK_STATE_SUBMITTED", "submitted", { "submitted", A2A_RUNS } },
	{ "TASK_STATE_WORKING", "working", { "working", A2A_RUNS } },
	{ "TASK_STATE_COMPLETED", "completed", { "completed", A2A_OVER } },
	{ "TASK_STATE_FAILED", "failed", { "failed", A2A_FAILED } },
	{ "TASK_STATE_CANCELED", "canceled", { "canceled", A2A_FAILED } },
	{ "TASK_STATE_CANCELLED", "canceled", { "canceled", A2A_FAILED } },	/* 0.3's REST binding */
	{ "TASK_STATE_REJECTED", "rejected", { "rejected", A2A_FAILED } },
	{ "TASK_STATE_INPUT_REQUIRED", "input-required", { "input_required", A2A_WAITS } },
	{ "TASK_STATE_AUTH_REQUIRED", "auth-required", { "auth_required", A2A_WAITS } },
	{ "TASK_STATE_UNSPECIFIED", "unknown", { "unknown", A2A_RUNS } },
};

struct a2a_state a2a_state_of(struct json word)
{
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (json_is(word, states[i].now) || json_is(word, states[i].v03))
			return states[i].state;
	return (struct a2a_state){ NULL, A2A_RUNS };
}
