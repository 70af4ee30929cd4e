// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "sink/otlp.h"
#include "sink/otlp_message.h"

void *msg_take(struct scratch *m, size_t n, size_t size)
{
	void *p = size <= MSG_MAX / (n ? n : 1) ? arena_alloc(&m->arena, n * size) : NULL;

	if (!p)
		m->failed = true;
	return p;
}

bytes msg_bytes(struct view v)
{
	return (bytes){ .len = v.n, .data = (uint8_t *)v.p };
}

/* Attributes are repaired where they are set; the texts that stand in the span itself are not. */
bytes msg_text(struct scratch *m, struct view v)
{
	struct buf fixed;
	struct view copy = v;

	if (utf8_valid(v) == v.n)
		return msg_bytes(v);
	buf_init(&fixed, MSG_MAX);
	copy = utf8_repair(&fixed, v) ? VIEW_NONE : arena_copy(&m->arena, buf_view(&fixed));
	buf_release(&fixed);
	m->failed |= !copy.p;
	return msg_bytes(copy);
}

static Otlp__AnyValue *make_str(struct scratch *m, struct view v)
{
	Otlp__AnyValue *any = msg_take(m, 1, sizeof(*any));

	if (!any)
		return NULL;
	otlp__any_value__init(any);
	any->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
	any->string_value = msg_bytes(v);
	return any;
}

static Otlp__ArrayValue *make_array(struct scratch *m, const struct value *v)
{
	Otlp__ArrayValue *arr = msg_take(m, 1, sizeof(*arr));
	size_t i;

	if (!arr)
		return NULL;
	otlp__array_value__init(arr);
	arr->values = msg_take(m, v->arr.n, sizeof(*arr->values));
	for (i = 0; i < v->arr.n && !m->failed; i++)
		arr->values[i] = make_str(m, v->arr.v[i]);
	arr->n_values = v->arr.n;
	return arr;
}

static Otlp__AnyValue *make_value(struct scratch *m, const struct value *v)
{
	Otlp__AnyValue *any = make_str(m, VIEW_NONE);

	if (!any)
		return NULL;
	switch (v->type) {
	case VALUE_STR:
		any->string_value = msg_bytes(v->str);
		break;
	case VALUE_INT:
		any->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
		any->int_value = v->i;
		break;
	case VALUE_DOUBLE:
		any->value_case = OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
		any->double_value = v->d;
		break;
	case VALUE_BOOL:
		any->value_case = OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		any->bool_value = v->b;
		break;
	case VALUE_STR_ARRAY:
		any->value_case = OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
		any->array_value = make_array(m, v);
		break;
	}
	return any;
}

Otlp__KeyValue **msg_attrs(struct scratch *m, const struct attrs *as, size_t *ret_n)
{
	Otlp__KeyValue **all = msg_take(m, as->cnt, sizeof(*all));
	const struct attr *at;
	size_t n = 0;

	for (at = as->first; at && !m->failed; at = at->next) {
		Otlp__KeyValue *kv = msg_take(m, 1, sizeof(*kv));

		if (!kv)
			break;
		otlp__key_value__init(kv);
		kv->key = msg_bytes(view_of(at->def->name));
		kv->value = make_value(m, &at->value);
		all[n++] = kv;
	}
	*ret_n = n;
	return all;
}

/* Not protobuf_c_message_pack_to_buffer(): its buffers for messages in messages fail in silence. */
int msg_pack(struct buf *out, const struct scratch *m, const ProtobufCMessage *msg)
{
	size_t n;
	char *p;
	int err;

	if (m->failed)
		return -ENOMEM;
	n = protobuf_c_message_get_packed_size(msg);
	if (n > OTLP_REQUEST_MAX)
		return -E2BIG;
	p = malloc(n + 1);
	if (!p)
		return -ENOMEM;
	protobuf_c_message_pack(msg, (uint8_t *)p);
	err = buf_add(out, (struct view){ p, n });
	free(p);
	return err;
}
