// SPDX-License-Identifier: Apache-2.0
#include "genai/hosts.h"
#include "genai/read.h"

/*
 * Where the providers' own documents and SDKs send requests.  The names are
 * those of semantic-conventions-genai where it has one; the enum is open and
 * has none for the last group.  Order counts: the first row that fits.
 */
static const struct host {
	const char *suffix;	/* the whole name, or from a dot on; with a '-' first: from there on */
	const char *start;	/* NULL: anything */
	const char *path;	/* NULL: anything; one host, several APIs */
	const char *provider;
} hosts[] = {
	{ "api.openai.com", NULL, NULL, "openai" },
	{ "chatgpt.com", NULL, NULL, "openai" },
	{ "openai.azure.com", NULL, NULL, "azure.ai.openai" },
	{ "cognitiveservices.azure.com", NULL, "/openai/", "azure.ai.openai" },
	{ "services.ai.azure.com", NULL, "/openai/", "azure.ai.openai" },
	{ "services.ai.azure.com", NULL, "/anthropic/", "anthropic" },
	{ "services.ai.azure.com", NULL, "/models/", "azure.ai.inference" },
	{ "inference.ai.azure.com", NULL, NULL, "azure.ai.inference" },
	{ "api.anthropic.com", NULL, NULL, "anthropic" },
	{ "api.x.ai", NULL, NULL, "x_ai" },
	{ "api.deepseek.com", NULL, NULL, "deepseek" },
	{ "api.groq.com", NULL, NULL, "groq" },
	{ "api.mistral.ai", NULL, NULL, "mistral_ai" },
	{ "codestral.mistral.ai", NULL, NULL, "mistral_ai" },
	{ "api.perplexity.ai", NULL, NULL, "perplexity" },
	{ "api.moonshot.ai", NULL, NULL, "moonshot_ai" },
	{ "api.moonshot.cn", NULL, NULL, "moonshot_ai" },
	{ "api.cohere.com", NULL, NULL, "cohere" },
	{ "api.cohere.ai", NULL, NULL, "cohere" },
	{ "generativelanguage.googleapis.com", NULL, NULL, "gcp.gemini" },
	{ "aiplatform.googleapis.com", NULL, NULL, "gcp.vertex_ai" },
	{ "-aiplatform.googleapis.com", NULL, NULL, "gcp.vertex_ai" },
	{ "rep.googleapis.com", "aiplatform.", NULL, "gcp.vertex_ai" },
	{ "cloudcode-pa.googleapis.com", NULL, NULL, "gcp.gen_ai" },
	{ "amazonaws.com.cn", "bedrock-runtime", NULL, "aws.bedrock" },
	{ "vpce.amazonaws.com", "vpce-", NULL, "aws.bedrock" },
	{ "amazonaws.com", "bedrock-", NULL, "aws.bedrock" },
	{ "api.aws", "bedrock-", NULL, "aws.bedrock" },
	{ "ml.cloud.ibm.com", NULL, NULL, "ibm.watsonx.ai" },

	{ "openrouter.ai", NULL, NULL, "openrouter" },
	{ "api.together.xyz", NULL, NULL, "together" },
	{ "api.together.ai", NULL, NULL, "together" },
	{ "api.fireworks.ai", NULL, NULL, "fireworks" },
	{ "ollama.com", NULL, NULL, "ollama" },
	{ "api.cerebras.ai", NULL, NULL, "cerebras" },
	{ "api.sambanova.ai", NULL, NULL, "sambanova" },
	{ "integrate.api.nvidia.com", NULL, NULL, "nvidia" },
	{ "api.deepinfra.com", NULL, NULL, "deepinfra" },
	{ "api.z.ai", NULL, NULL, "z_ai" },
	{ "open.bigmodel.cn", NULL, NULL, "z_ai" },
	{ "dashscope.aliyuncs.com", NULL, NULL, "alibaba_cloud" },
	{ "dashscope-intl.aliyuncs.com", NULL, NULL, "alibaba_cloud" },
	{ "api.minimax.io", NULL, NULL, "minimax" },
	{ "router.huggingface.co", NULL, NULL, "hugging_face" },
	{ "models.github.ai", NULL, NULL, "github" },
	{ "githubcopilot.com", NULL, NULL, "github" },
	{ "ai-gateway.vercel.sh", NULL, NULL, "vercel" },
	{ "gateway.ai.cloudflare.com", NULL, NULL, "cloudflare" },
	{ "api.cloudflare.com", NULL, "/ai/", "cloudflare" },
	{ "api.portkey.ai", NULL, NULL, "portkey" },
	{ "api.voyageai.com", NULL, NULL, "voyage_ai" },
	{ "api.jina.ai", NULL, NULL, "jina_ai" },
	{ "pinecone.io", NULL, NULL, "pinecone" },
	{ "turbopuffer.com", NULL, NULL, "turbopuffer" },
};

/* The port that only Ollama is known to listen on by default. */
#define OLLAMA_PORT VIEW(":11434")

static struct view authority(const struct exchange *x)
{
	struct view v = x->target, scheme, rest;

	if (!v.n || v.p[0] == '/' || !view_cut(v, ':', &scheme, &rest) ||
	    !view_starts(rest, VIEW("//"))) {
		v = message_header(&x->req, "host");
		return v.n ? v : message_header(&x->req, ":authority");
	}
	v = rest = view_drop(rest, 2);
	view_cut(v, '/', &v, &rest);
	while (view_cut(v, '@', &scheme, &rest))
		v = rest;
	return v;
}

static bool starts_nocase(struct view v, const char *with)
{
	size_t n = with ? strlen(with) : 0;

	return v.n >= n && view_eq_nocase(view_take(v, n), (struct view){ with, n });
}

static bool ends_at_label(struct view host, const char *suffix)
{
	size_t n = strlen(suffix), at = host.n - n;

	if (host.n < n || !view_eq_nocase(view_drop(host, at), (struct view){ suffix, n }))
		return false;
	return !at || host.p[at - 1] == '.' || suffix[0] == '-';
}

static bool path_has(const struct exchange *x, const char *part)
{
	struct view path = gen_path(x);

	return !part || (path.n && memmem(path.p, path.n, part, strlen(part)));
}

const char *hosts_provider(const struct exchange *x)
{
	struct view host = authority(x), port;

	if (view_ends(host, OLLAMA_PORT))
		return "ollama";
	view_cut(host, ':', &host, &port);
	if (host.n && host.p[host.n - 1] == '.')
		host.n--;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (ends_at_label(host, hosts[i].suffix) && starts_nocase(host, hosts[i].start) &&
		    path_has(x, hosts[i].path))
			return hosts[i].provider;
	return NULL;
}
