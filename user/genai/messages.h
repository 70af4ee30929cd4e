/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_MESSAGES_H
#define GENAI_MESSAGES_H

#include "genai/read.h"

/*
 * Writes the structured attributes (gen_ai.input.messages and its like) as
 * their JSON schemas demand.  Consumers drop a whole list for one malformed part
 * (Phoenix), so whatever comes in, what comes out is one valid array: what
 * does not fit is left out from the end, at the border of a part.
 */
struct msgs {
	struct jsonw w;
	size_t max;		/* the buffer's own; room for closing brackets is kept back */
	size_t start;
	size_t mark;		/* where the part or message being written begins */
	bool comma;
	bool full;		/* nothing more is written */
	bool dropped;		/* something did not fit */
};

void msgs_open(struct msgs *m, struct buf *out);
/* False: something did not fit.  out is a valid array all the same, or empty for want of any room. */
bool msgs_close(struct msgs *m);

struct msgs_head {
	struct view role;
	struct json name;	/* when it is a string */
	struct view finish;	/* of an output message; VIEW_NONE */
};
/* One message.  False: no room, do not call msgs_end(). */
bool msgs_begin(struct msgs *m, struct msgs_head head);
void msgs_end(struct msgs *m);
/* The role as a view that needs no memory: a plain string's inside, else what stands in for it. */
struct view msgs_role(struct json role, struct view otherwise);

/* Arguments are text on the wire; the schema wants the object that they spell, when they do. */
void msgs_put_arguments(struct jsonw *w, struct view text);

/* A string's text; of what is missing "", of anything else its JSON. */
void msgs_put_text(struct jsonw *w, struct json v);

/* A part by hand: when part_open() said true, write members, then part_close(). */
bool part_open(struct msgs *m, const char *type);
void part_close(struct msgs *m);

/* Parts; inside a message, or right in the array (system instructions).  A missing text is "". */
void part_text(struct msgs *m, const char *type, struct json content);
void part_text_view(struct msgs *m, const char *type, struct view content);
void part_tool_call(struct msgs *m, struct json id, struct json name, struct json arguments);
void part_tool_response(struct msgs *m, struct json id, struct json response, struct json is_error);
void part_blob(struct msgs *m, const char *modality, struct view mime, struct json base64);
void part_file(struct msgs *m, const char *modality, struct json file_id);
/* data: URLs become blobs; one that is not there nothing. */
void part_uri(struct msgs *m, const char *modality, struct json uri);
/* Neither needs to be there. */
void part_compaction(struct msgs *m, struct json id, struct json content);
/* One that gen_part_write() wrote; empty: none. */
void part_ready(struct msgs *m, struct view part);
/* Without a type, or with half of one: none. */
void part_generic(struct msgs *m, struct json type);

/* {"type":kind, "id", "name", kind:{"type":type, …members of from that keys names…}} */
struct part_server {
	const char *kind;	/* server_tool_call or server_tool_call_response */
	struct json id;
	struct json name;	/* JSON_NONE leaves it out */
	struct json type;
	struct json from;
	const char *const *keys;	/* NULL-ended */
};
void part_server(struct msgs *m, const struct part_server *s);

/*
 * gen_ai.tool.definitions: what a tool is and its name.  Descriptions and
 * parameters are not recommended (size), secrets are no part of it.
 */
void msgs_definition(struct msgs *m, struct view type, struct json name);

/*
 * A part of an output message that is written down at once, by the writer that
 * serves input messages, too.  Found or made by its kind and indexes.
 */
void gen_part_write(struct gen_call *c, struct gen_part *p,
		    void (*write)(struct msgs *m, struct json v), struct json v);

/* The finish reason in the words of the message schema. */
struct view msgs_finish_word(struct view said);

#endif /* GENAI_MESSAGES_H */
