// SPDX-License-Identifier: Apache-2.0
/* Images, sound and files in messages. */
#include "genai/messages.h"

/* Those that the schema names. */
static const char *modality_of(struct view mime)
{
	static const char *const names[] = { "image", "audio", "video" };

	for (size_t i = 0; i < 3; i++)
		if (mime.n > 5 && !strncasecmp(mime.p, names[i], 5) && mime.p[5] == '/')
			return names[i];
	return "document";
}

static bool media_open(struct msgs *m, const char *type, const char *modality, struct view mime)
{
	if (!part_open(m, type))
		return false;
	jsonw_key(&m->w, "modality");
	jsonw_str(&m->w, view_of(modality));
	if (mime.n) {
		jsonw_key(&m->w, "mime_type");
		jsonw_str(&m->w, mime);
	}
	return true;
}

void part_blob(struct msgs *m, const char *modality, struct view mime, struct json base64)
{
	if (!media_open(m, "blob", modality, mime))
		return;
	jsonw_key(&m->w, "content");
	msgs_put_text(&m->w, base64);
	part_close(m);
}

void part_file(struct msgs *m, const char *modality, struct json file_id)
{
	if (!media_open(m, "file", modality, VIEW_NONE))
		return;
	jsonw_key(&m->w, "file_id");
	msgs_put_text(&m->w, file_id.cut ? (struct json){ 0 } : file_id);
	part_close(m);
}

/* RFC 2397: data:[mime][;parameters][;base64],… */
static void part_data_url(struct msgs *m, const char *modality, struct view url)
{
	struct view head = view_drop(url, 5), data = VIEW(""), mime, rest;
	bool base64;

	if (!view_cut(head, ',', &head, &data)) {	/* nothing of the data is there */
		head = VIEW(";base64");
		data = VIEW("");
	}
	base64 = view_ends(head, VIEW(";base64"));
	mime = head;
	view_cut(head, ';', &mime, &rest);
	if (!media_open(m, base64 ? "blob" : "data_url", mime.n ? modality_of(mime) : modality,
			mime))
		return;
	jsonw_key(&m->w, "content");
	jsonw_str(&m->w, data);
	part_close(m);
}

void part_uri(struct msgs *m, const char *modality, struct json uri)
{
	struct buf text;

	if (uri.type != JSON_STRING || (uri.cut && view_starts(VIEW("\"data:"), uri.raw)))
		return;		/* which kind it is was cut off */
	if (view_starts(uri.raw, VIEW("\"data:"))) {
		buf_init(&text, GEN_CONTENT_MAX);
		json_text(uri, &text);
		part_data_url(m, modality, text.n ? buf_view(&text) : VIEW("data:"));
		buf_release(&text);
		return;
	}
	if (!media_open(m, "uri", modality, VIEW_NONE))
		return;
	jsonw_key(&m->w, "uri");
	msgs_put_text(&m->w, uri);
	part_close(m);
}
