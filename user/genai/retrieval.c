// SPDX-License-Identifier: Apache-2.0
/*
 * Vector stores, search engines when they are asked for what is near, and rerankers:
 * semantic-conventions-genai, retrieval span.  What a query and its answer are called is a row for
 * each. The vectors themselves are never read.
 */
#include "genai/hosts.h"
#include "genai/messages.h"
#include "genai/retrieval.h"

#define DOCUMENTS_MAX 1000
#define PATH_NAME_MAX 48

struct store {
	const char *name;	/* gen_ai.provider.name where the host says nothing */
	const char *ends;	/* the path ends so; NULL: anything */
	const char *has;	/* and has this in it; NULL: anything */
	bool (*is)(const struct exchange *x, struct json body);	/* and is one; NULL: yes */
	const char *source_after;	/* the data source's id, behind this in the path; NULL: */
	const char *source;		/* in the body, or nowhere */
	/*
	 * Paths through objects; "0" is a list's first element, "*" an object's first member, whatever its name.
	 * Those that are there first count.
	 */
	const char *query[3], *top_k[3], *results[3], *id[3], *score[3];
};

/* The value at a.b.0.c; JSON_NONE: there is none. */
static struct json at(struct json v, const char *path)
{
	char name[PATH_NAME_MAX];
	struct json_member m;
	struct json_iter it;
	size_t n;

	for (; path && *path && v.type >= JSON_ARRAY; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		if (v.type == JSON_ARRAY || path[0] == '*') {
			it = json_each(v);
			v = json_next(&it, &m) && (path[0] == '0' || path[0] == '*') ? m.value : (struct json){ 0 };
			continue;
		}
		memcpy(name, path, n < sizeof(name) ? n : sizeof(name) - 1);
		name[n < sizeof(name) ? n : sizeof(name) - 1] = '\0';
		v = json_get(v, name);
	}
	return path && !*path ? v : (struct json){ 0 };
}

static struct json first(struct json v, const char *const *paths)
{
	struct json got = { 0 };

	for (size_t i = 0; i < 3 && paths[i] && (got.type == JSON_NONE || got.type == JSON_NULL); i++)
		got = at(v, paths[i]);
	return got;
}

static bool is_pinecone(const struct exchange *x, struct json body)
{
	return json_get(body, "topK").type == JSON_NUMBER &&
	       (message_header(&x->req, "x-pinecone-api-version").n || message_header(&x->req, "api-key").n);
}

static bool is_qdrant(const struct exchange *x, struct json body)
{
	static const char *const keys[] = { "query", "vector", "limit", "positive", "prefetch" };
	struct view path = gen_path(x);
	struct json f[5];

	if (!view_ends(path, VIEW("/query")) && !view_ends(path, VIEW("/search")) &&
	    !view_ends(path, VIEW("/recommend")) && !view_ends(path, VIEW("/discover")))
		return false;
	gen_pick(body, keys, f, 5);
	for (size_t i = 0; i < 5; i++)
		if (f[i].type != JSON_NONE)
			return true;
	return false;
}

static bool is_chroma(const struct exchange *x, struct json body)
{
	return json_get(body, "query_embeddings").type != JSON_NONE || json_get(body, "query_texts").type != JSON_NONE;
}

static bool is_milvus(const struct exchange *x, struct json body)
{
	return json_get(body, "collectionName").type == JSON_STRING;
}

/* Most searches are for words, and no retrieval in the conventions' sense. */
static bool is_near(const struct exchange *x, struct json body)
{
	static const char *const near[] = { "knn", "retriever", "query.knn", "query.semantic", "query.sparse_vector",
					    "query.neural", "query.hybrid" };

	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (at(body, near[i]).type != JSON_NONE)
			return true;
	return false;
}

static bool is_rerank(const struct exchange *x, struct json body)
{
	return json_get(body, "query").type == JSON_STRING &&
	       (json_get(body, "documents").type == JSON_ARRAY || json_get(body, "texts").type == JSON_ARRAY);
}

static bool is_bedrock_rerank(const struct exchange *x, struct json body)
{
	return json_get(body, "queries").type == JSON_ARRAY && json_get(body, "sources").type == JSON_ARRAY;
}

static const struct store stores[] = {
	{ "openai", "/search", "/vector_stores/", NULL, "/vector_stores/", NULL, { "query.0", "query" },
	  { "max_num_results" }, { "data" }, { "file_id" }, { "score" } },
	{ "aws.bedrock", "/retrieve", "/knowledgebases/", NULL, "/knowledgebases/", NULL, { "retrievalQuery.text" },
	  { "retrievalConfiguration.vectorSearchConfiguration.numberOfResults" }, { "retrievalResults" },
	  { "location.s3Location.uri", "location.webLocation.url", "location.customDocumentLocation.id" }, { "score" } },
	{ "pinecone", "/search", "/records/namespaces/", NULL, "/namespaces/", NULL, { "query.inputs.text" },
	  { "query.top_k" }, { "result.hits" }, { "_id" }, { "_score" } },
	{ "pinecone", "/query", NULL, is_pinecone, NULL, "namespace", { NULL }, { "topK" }, { "matches" }, { "id" },
	  { "score" } },
	{ "turbopuffer", "/query", "/v2/namespaces/", NULL, "/namespaces/", NULL, { NULL }, { "top_k", "limit" },
	  { "rows" }, { "id" }, { "$dist" } },
	{ "qdrant", NULL, "/points/", is_qdrant, "/collections/", NULL, { "query.text", "query.nearest.text" },
	  { "limit" }, { "result.points", "result" }, { "id" }, { "score" } },
	{ "chroma", "/query", "/collections/", is_chroma, "/collections/", NULL, { "query_texts.0" }, { "n_results" },
	  { NULL }, { NULL }, { NULL } },
	{ "milvus", "/search", NULL, is_milvus, NULL, "collectionName", { "data.0" }, { "limit" }, { "data" }, { "id" },
	  { "distance" } },
	{ "milvus", "/hybrid_search", NULL, is_milvus, NULL, "collectionName", { NULL }, { "limit" }, { "data" },
	  { "id" }, { "distance" } },
	{ "weaviate", "/graphql", NULL, weaviate_is, NULL, NULL, { NULL }, { NULL }, { "data.Get.*" }, { "_additional.id" },
	  { "_additional.distance", "_additional.certainty", "_additional.score" } },
	{ "elasticsearch", "/_search", NULL, is_near, "/", NULL,
	  { "knn.query_vector_builder.text_embedding.model_text", "query.semantic.query" }, { "knn.k", "size" },
	  { "hits.hits" }, { "_id" }, { "_score" } },
	{ "aws.bedrock", "/rerank", NULL, is_bedrock_rerank, NULL, NULL, { "queries.0.textQuery.text" },
	  { "rerankingConfiguration.bedrockRerankingConfiguration.numberOfResults" }, { "results" }, { "index" },
	  { "relevanceScore" } },
	{ "cohere", "/rerank", NULL, is_rerank, NULL, NULL, { "query" }, { "top_n", "top_k" }, { "results", "data" },
	  { "index" }, { "relevance_score", "score" } },
};

static const struct store *store_of(const struct exchange *x, struct json body)
{
	struct view path = gen_path(x);

	for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
		const struct store *s = &stores[i];

		if ((!s->ends || view_ends(path, view_of(s->ends))) &&
		    (!s->has || memmem(path.p, path.n, s->has, strlen(s->has))) && (!s->is || s->is(x, body)))
			return s;
	}
	return NULL;
}

static int retrieval_match(const struct exchange *x, struct json body)
{
	return gen_is_post(x) && gen_path(x).n && body.type == JSON_OBJECT && store_of(x, body) ? 3 : 0;
}

static bool retrieval_answers(struct view name, struct json data)
{
	return false;
}

static void read_source(struct gen_call *c, const struct exchange *x, const struct store *s, struct json body)
{
	struct json id = s->source ? json_get(body, s->source) : (struct json){ 0 };

	if (s->source_after)
		c->data_source_id = gen_path_part(c, x, s->source_after, "/");
	else
		gen_set_text(c, &c->data_source_id, id);
	if (view_eq(c->data_source_id, VIEW("_search")))	/* all indexes at once */
		c->data_source_id = VIEW_NONE;
}

static void retrieval_request(struct gen_call *c, const struct exchange *x, struct json body)
{
	const struct store *s = store_of(x, body);
	const char *host = hosts_provider(x);
	struct json query;

	c->op = GEN_RETRIEVAL;
	c->state = (void *)s;
	if (!s)
		return;
	c->provider_name = host ? host : s->name;
	read_source(c, x, s, body);
	gen_set_text(c, &c->request_model, json_get(body, "model"));
	gen_set_count(&c->retrieval_top_k, first(body, s->top_k));
	if (s->is == weaviate_is)	/* no tree of members */
		weaviate_read(c, body);
	query = first(body, s->query);
	if (c->want_content && query.type == JSON_STRING)
		gen_set_text(c, &c->retrieval_query, query);
}

/* An id is a text in the schema, whatever it is on the wire. */
static void put_id(struct jsonw *w, struct json v)
{
	if (v.type == JSON_NONE || v.type == JSON_NULL || v.cut)
		return;
	jsonw_key(w, "id");
	if (v.type == JSON_STRING)
		jsonw_value(w, v);
	else
		jsonw_str(w, v.raw);
}

static void put_document(struct jsonw *w, struct json id, struct json score)
{
	double d;

	jsonw_open(w, '{');
	put_id(w, id);
	if (json_double(score, &d)) {
		jsonw_key(w, "score");
		jsonw_value(w, score);
	}
	jsonw_close(w, '}');
}

static void list_documents(struct jsonw *w, const struct store *s, struct json list)
{
	struct json_iter it = json_each(list);
	struct json_member m;

	for (int i = 0; i < DOCUMENTS_MAX && json_next(&it, &m); i++)
		if (gen_whole(m.value))
			put_document(w, first(m.value, s->id), first(m.value, s->score));
}

/* Ids and distances in lists of their own, of the first query. */
static void list_columns(struct jsonw *w, struct json body)
{
	struct json_iter ids = json_each(at(body, "ids.0")), scores = json_each(at(body, "distances.0"));
	struct json_member id, score;

	for (int i = 0; i < DOCUMENTS_MAX && json_next(&ids, &id); i++) {
		if (!json_next(&scores, &score))
			score.value = (struct json){ 0 };
		put_document(w, id.value, score.value);
	}
}

static void read_documents(struct gen_call *c, const struct store *s, struct json body)
{
	struct jsonw w;

	jsonw_init(&w, &c->retrieval_documents);
	jsonw_open(&w, '[');
	if (s->results[0])
		list_documents(&w, s, first(body, s->results));
	else
		list_columns(&w, body);
	jsonw_close(&w, ']');
	if (!w.err)
		return;
	buf_reset(&c->retrieval_documents);
	c->response_cut = true;
}

static void retrieval_response(struct gen_call *c, const struct exchange *x, struct json body)
{
	const struct store *s = c->state;
	int64_t code;

	gen_set_text(c, &c->response_id, json_get(body, "id"));
	if (json_int(json_get(body, "code"), &code) && code && x->status < 400)	/* Milvus, with HTTP 200 */
		gen_error(c, body);
	gen_error(c, at(body, "errors.0"));	/* GraphQL, with HTTP 200 */
	if (s && c->want_content && x->status < 400 && !c->failed)
		read_documents(c, s, body);
}

static void retrieval_event(struct gen_call *c, struct view name, struct view data, struct json v)
{
}

const struct provider provider_retrieval = {
	.name = "retrieval",
	.flavour = "retrieval",
	.match = retrieval_match,
	.answers = retrieval_answers,
	.request = retrieval_request,
	.response = retrieval_response,
	.event = retrieval_event,
};
