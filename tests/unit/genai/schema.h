/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include "base/json.h"

/*
 * What gen-ai-input-messages.json, gen-ai-output-messages.json,
 * gen-ai-system-instructions.json and gen-ai-tool-definitions.json demand.
 * Each returns NULL, or what is wrong.
 */
static inline bool schema_str(struct json object, const char *key)
{
	return json_get(object, key).type == JSON_STRING;
}

static inline bool schema_str_or_null(struct json object, const char *key)
{
	enum json_type t = json_get(object, key).type;

	return t == JSON_NONE || t == JSON_NULL || t == JSON_STRING;
}

static inline const char *schema_server(struct json part, const char *key, bool name)
{
	if (name && !schema_str(part, "name"))
		return "server tool call without a name";
	if (json_get(part, key).type != JSON_OBJECT || !schema_str(json_get(part, key), "type"))
		return "server part without its object or the object's type";
	return NULL;
}

static inline const char *schema_media(struct json part, const char *key)
{
	struct json v = json_get(part, key);

	if (!schema_str(part, "modality") || !schema_str_or_null(part, "mime_type"))
		return "media without modality";
	if (v.type != JSON_STRING)
		return "media without its content";
	if (!strcmp(key, "uri") && view_starts(v.raw, VIEW("\"data:")))
		return "a data: URL is no uri part";
	return NULL;
}

static inline const char *schema_part(struct json part)
{
	struct json type = json_get(part, "type");

	if (part.type != JSON_OBJECT || type.type != JSON_STRING)
		return "part without a type";
	if (!schema_str_or_null(part, "id"))
		return "id is no string";
	if (json_is(type, "text") || json_is(type, "reasoning"))
		return schema_str(part, "content") ? NULL : "text without content";
	if (json_is(type, "tool_call"))
		return schema_str(part, "name") ? NULL : "tool call without a name";
	if (json_is(type, "tool_call_response"))
		return json_get(part, "response").type != JSON_NONE ? NULL : "tool response without response";
	if (json_is(type, "server_tool_call"))
		return schema_server(part, "server_tool_call", true);
	if (json_is(type, "server_tool_call_response"))
		return schema_server(part, "server_tool_call_response", false);
	if (json_is(type, "blob"))
		return schema_media(part, "content");
	if (json_is(type, "file"))
		return schema_media(part, "file_id");
	if (json_is(type, "uri"))
		return schema_media(part, "uri");
	if (json_is(type, "compaction"))
		return schema_str_or_null(part, "content") ? NULL : "compaction with odd content";
	return NULL;
}

static inline const char *schema_parts(struct json parts)
{
	struct json_iter it = json_each(parts);
	struct json_member m;
	const char *bad = NULL;

	if (parts.type != JSON_ARRAY)
		return "parts are no array";
	while (!bad && json_next(&it, &m))
		bad = schema_part(m.value);
	return bad;
}

static inline const char *schema_message(struct json message, bool output)
{
	if (message.type != JSON_OBJECT || !schema_str(message, "role"))
		return "message without a role";
	if (!schema_str_or_null(message, "name"))
		return "name is no string";
	if (output && (!schema_str(message, "finish_reason") || json_is(json_get(message, "finish_reason"), "")))
		return "output message without finish_reason";
	return schema_parts(json_get(message, "parts"));
}

static inline const char *schema_messages(struct view doc, bool output)
{
	struct json list = json_read(doc);
	struct json_iter it = json_each(list);
	struct json_member m;
	const char *bad = NULL;

	if (json_check(doc) || list.type != JSON_ARRAY)
		return "no valid array";
	while (!bad && json_next(&it, &m))
		bad = schema_message(m.value, output);
	return bad;
}

static inline const char *schema_instructions(struct view doc)
{
	return json_check(doc) ? "no valid JSON" : schema_parts(json_read(doc));
}

static inline const char *schema_definitions(struct view doc)
{
	struct json list = json_read(doc);
	struct json_iter it = json_each(list);
	struct json_member m;

	if (json_check(doc) || list.type != JSON_ARRAY)
		return "no valid array";
	while (json_next(&it, &m))
		if (!schema_str(m.value, "type") || !schema_str(m.value, "name"))
			return "definition without type or name";
	return NULL;
}

#endif /* SCHEMA_H */
