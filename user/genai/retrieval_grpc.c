// SPDX-License-Identifier: Apache-2.0
/*
 * Vector stores asked over gRPC: the method is in the path, how it went in the trailers.  What is said is protobuf, of
 * which nothing is read.
 */
#include "genai/read.h"

static const struct method {
	const char *path, *provider;
} methods[] = {
	{ "/qdrant.Points/Search", "qdrant" },
	{ "/qdrant.Points/Query", "qdrant" },
	{ "/weaviate.v1.Weaviate/Search", "weaviate" },
	{ "/milvus.proto.milvus.MilvusService/Search", "milvus" },
	{ "/milvus.proto.milvus.MilvusService/HybridSearch", "milvus" },
};

/* By number: "gRPC status codes" of its documentation. */
static const char *const codes[] = {
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
	"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
	"INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
};

static const struct method *method_of(const struct exchange *x)
{
	struct view path = gen_path(x);

	if (!gen_is_post(x) || !view_starts(message_header(&x->req, "content-type"), VIEW("application/grpc")))
		return NULL;
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (view_ends(path, view_of(methods[i].path)))
			return &methods[i];
	return NULL;
}

static int grpc_match(const struct exchange *x, struct json body)
{
	return method_of(x) ? 3 : 0;
}

static bool grpc_answers(struct view name, struct json data)
{
	return false;
}

static void grpc_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	const struct method *m = method_of(x);

	c->op = GEN_RETRIEVAL;
	c->request_cut = !x->req.body.complete;
	if (m)
		c->provider_name = m->provider;
}

static void grpc_response(struct gen_call *c, const struct exchange *x, struct json body)
{
}

static void grpc_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
}

/* One question, one answer, whatever it is framed in. */
static void grpc_finish(struct gen_call *c, const struct exchange *x)
{
	int64_t code;

	c->stream = false;
	if (!json_int(json_read(message_header(&x->resp, "grpc-status")), &code))
		return;
	c->terminal = true;
	if (!code)
		return;
	c->failed = true;
	if (code > 0 && code < (int64_t)(sizeof(codes) / sizeof(codes[0])))
		c->error_type = view_of(codes[code]);
	c->error_message = gen_copy(c, message_header(&x->resp, "grpc-message"));
}

const struct provider provider_retrieval_grpc = {
	.name = "retrieval-grpc",
	.flavour = "retrieval",
	.match = grpc_match,
	.answers = grpc_answers,
	.request = grpc_request,
	.response = grpc_response,
	.event = grpc_event,
	.finish = grpc_finish,
};
