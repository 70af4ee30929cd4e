// SPDX-License-Identifier: Apache-2.0
#include "genai/genai.h"

extern const struct provider provider_openai_chat, provider_anthropic_messages,
	provider_openai_responses, provider_openai_embeddings, provider_openai_completions,
	provider_gemini, provider_gemini_embed,
	provider_bedrock_converse, provider_bedrock_invoke, provider_ollama, provider_ollama_embed,
	provider_cohere, provider_cohere_embed, provider_retrieval,
	provider_llamacpp, provider_tgi, provider_openai_media, provider_openai_fetch, provider_bedrock_agent,
	provider_gemini_interactions, provider_gemini_fetch, provider_mistral_conversations,
	provider_retrieval_grpc;

/* Where two are equally sure, the first one reads. */
const struct provider *const providers[] = {
	&provider_bedrock_converse,
	&provider_bedrock_invoke,
	&provider_ollama,
	&provider_ollama_embed,
	&provider_cohere,
	&provider_cohere_embed,
	&provider_openai_chat,
	&provider_anthropic_messages,
	&provider_openai_responses,
	&provider_openai_embeddings,
	&provider_openai_completions,
	&provider_gemini,
	&provider_gemini_embed,
	&provider_gemini_interactions,
	&provider_gemini_fetch,
	&provider_mistral_conversations,
	&provider_retrieval,
	&provider_retrieval_grpc,
	&provider_llamacpp,
	&provider_tgi,
	&provider_openai_media,
	&provider_openai_fetch,
	&provider_bedrock_agent,
	NULL
};
