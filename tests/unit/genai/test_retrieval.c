// SPDX-License-Identifier: Apache-2.0
/* The recorded queries of vector stores, search engines and rerankers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "proto/golden.h"

static const struct {
	const char *name, *facts;
} rows[] = {
	{ "openai-vectorstore-search",
	  "retrieval openai -\nsource=vs_1\nretrieval_top_k=2\nquery=refund policy\ndocuments=[{\"id\":\"file_1\",\"score\":0.83}]\nterminal\n" },
	{ "pinecone-query",
	  "retrieval pinecone -\nsource=docs\nretrieval_top_k=2\ndocuments=[{\"id\":\"d1\",\"score\":0.91},{\"id\":\"d2\",\"score\":0.5}]\nterminal\n" },
	{ "qdrant-query",
	  "retrieval qdrant -\nsource=docs\nretrieval_top_k=2\ndocuments=[{\"id\":\"1\",\"score\":0.88},{\"id\":\"9f1c\",\"score\":0.4}]\nterminal\n" },
	{ "chroma-query",
	  "retrieval chroma -\nsource=6f1d0c1e-0000-4a3e-9b1a-000000000001\nretrieval_top_k=2\ndocuments=[{\"id\":\"d1\",\"score\":0.12},{\"id\":\"d2\",\"score\":0.7}]\nterminal\n" },
	{ "milvus-search",
	  "retrieval milvus -\nsource=docs\nretrieval_top_k=2\ndocuments=[{\"id\":\"1\",\"score\":0.93}]\nterminal\n" },
	{ "elasticsearch-knn",
	  "retrieval elasticsearch -\nsource=docs\nretrieval_top_k=2\ndocuments=[{\"id\":\"e1\",\"score\":0.97}]\nterminal\n" },
	{ "bedrock-retrieve",
	  "retrieval aws.bedrock -\nsource=KB12345678\nretrieval_top_k=3\nquery=refund policy\ndocuments=[{\"id\":\"s3://b/policy.md\",\"score\":0.71}]\nterminal\n" },
	{ "cohere-rerank",
	  "retrieval cohere -\nmodel=rerank-v3.5\nretrieval_top_k=1\nquery=refund policy\ndocuments=[{\"id\":\"1\",\"score\":0.9}]\nid=rr-1\nterminal\n" },
};

static void is(struct gen_call *c, const char *want)
{
	char *request = facts(c, facts_request), *answer = facts(c, facts_answer);
	struct buf all;

	assert_non_null(c);
	buf_init(&all, 1 << 16);
	buf_addf(&all, "%s%s", request, answer);
	buf_add_byte(&all, 0);
	assert_string_equal(all.p, want);
	buf_release(&all);
	free(request);
	free(answer);
	gen_free(c);
}

static struct gen_call *recorded(const char *name, bool content)
{
	struct buf req, resp;
	struct gen_call *c;
	char path[256];

	snprintf(path, sizeof(path), "tests/golden/wire/http/%s.req", name);
	req = golden_read(path);
	resp = golden_other(path);
	c = drive(buf_view(&req), buf_view(&resp), content);
	buf_release(&req);
	buf_release(&resp);
	return c;
}

static void each(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("%s\n", rows[i].name);
		is(recorded(rows[i].name, true), rows[i].facts);
	}
}

/* What was asked and found is content. */
static void nothing_of_it_unasked(void **state)
{
	is(recorded("openai-vectorstore-search", false), "retrieval openai -\nsource=vs_1\nretrieval_top_k=2\nterminal\n");
}

static const struct said said[] = {
	{ "/v2/vectordb/entities/search", NULL, "{\"collectionName\":\"c\",\"data\":[\"words\"],\"limit\":1}",
	  .answer = "{\"code\":1100,\"message\":\"bad\"}" },
	{ "/_search", NULL, "{\"query\":{\"semantic\":{\"field\":\"f\",\"query\":\"words\"}},\"size\":3}",
	  .answer = "{\"hits\":{\"hits\":[{\"_id\":\"a\",\"_score\":null}]}}" },
	{ "/v1/graphql", NULL, "{\"query\":\"{ Get { Article(nearText: {concepts: [\\\"limit: 9 \\\\\\\"x\\\"]}, limit: 2) "
	  "{ title _additional { id distance } } } }\"}",
	  .answer = "{\"data\":{\"Get\":{\"Article\":[{\"title\":\"t\",\"_additional\":{\"id\":\"u1\",\"distance\":0.25}}]}}}" },
	{ "/v1/graphql", NULL, "{\"query\":\"{Get{A(hybrid:{query:\\\"words\\\" alpha:0.5}){x}}}\"}",
	  .answer = "{\"data\":{\"Get\":{\"A\":null}},\"errors\":[{\"message\":\"no such class\"}]}" },
	{ "/rerank", NULL, "{\"queries\":[{\"type\":\"TEXT\",\"textQuery\":{\"text\":\"words\"}}],\"sources\":[{}],\"rerankingConfiguration\":{"
	  "\"bedrockRerankingConfiguration\":{\"numberOfResults\":1}}}",
	  .answer = "{\"results\":[{\"index\":1,\"relevanceScore\":0.5}]}" },
};

static void errors_and_words(void **state)
{
	is(drive_said(&said[0], true), "retrieval milvus -\nsource=c\nretrieval_top_k=1\nquery=words\nerror=1100\nsays=bad\nterminal\n");
	is(drive_said(&said[1], true), "retrieval elasticsearch -\nretrieval_top_k=3\nquery=words\ndocuments=[{\"id\":\"a\"}]\nterminal\n");
	is(drive_said(&said[2], true), "retrieval weaviate -\nsource=Article\nretrieval_top_k=2\nquery=limit: 9 \"x\n"
	   "documents=[{\"id\":\"u1\",\"score\":0.25}]\nterminal\n");
	is(drive_said(&said[3], true), "retrieval weaviate -\nsource=A\nquery=words\nerror=_OTHER\nsays=no such class\nterminal\n");
	is(drive_said(&said[4], true), "retrieval aws.bedrock -\nretrieval_top_k=1\nquery=words\ndocuments=[{\"id\":\"1\",\"score\":0.5}]\nterminal\n");
}

static void others(void **state)
{
	static const struct said none[] = {
		{ "/docs/_search", NULL, "{\"query\":{\"match\":{\"a\":\"b\"}}}", .answer = "{}" },
		{ "/collections/c/points/scroll", NULL, "{\"limit\":1}", .answer = "{}" },
		{ "/query", NULL, "{\"topK\":1}", .answer = "{}" },
		{ "/search", NULL, "{\"query\":\"words\"}", .answer = "{}" },
		{ "/rerank", NULL, "{\"query\":\"words\"}", .answer = "{}" },
		{ "/v1/graphql", NULL, "{\"query\":\"{ Get { Article(limit: 3) { title } } }\"}", .answer = "{}" },
		{ "/graphql", NULL, "{\"query\":\"{ posts(hybrid: true) { Get } }\"}", .answer = "{}" },
	};

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(drive_said(&none[i], true));
}

#define GRPC(path) VIEW("POST " path " HTTP/1.1\r\nContent-Type: application/grpc\r\nContent-Length: 6\r\n\r\n\0\0\0\0\1x")
#define GRPC_SAID(trailers) VIEW("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n" \
				 "6\r\n\0\0\0\0\1y\r\n0\r\n" trailers "\r\n")

/* What is searched and found is protobuf; how it went is not. */
static void over_grpc(void **state)
{
	is(drive(GRPC("/qdrant.Points/Query"), GRPC_SAID("grpc-status: 0\r\n"), true), "retrieval qdrant -\nterminal\n");
	is(drive(GRPC("/weaviate.v1.Weaviate/Search"), GRPC_SAID("grpc-status: 14\r\ngrpc-message: gone\r\n"), true),
	   "retrieval weaviate -\nerror=UNAVAILABLE\nsays=gone\nterminal\n");
	is(drive(GRPC("/milvus.proto.milvus.MilvusService/Search"), GRPC_SAID("grpc-status: 99\r\n"), true),
	   "retrieval milvus -\nerror=_OTHER\nterminal\n");
	is(drive(GRPC("/milvus.proto.milvus.MilvusService/Search"), GRPC_SAID(""), true), "retrieval milvus -\n");
	assert_null(drive(GRPC("/qdrant.Points/Upsert"), GRPC_SAID("grpc-status: 0\r\n"), true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each),
		cmocka_unit_test(nothing_of_it_unasked),
		cmocka_unit_test(errors_and_words),
		cmocka_unit_test(others),
		cmocka_unit_test(over_grpc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
