// SPDX-License-Identifier: Apache-2.0
/*
 * Keys that carry a fixed prefix on purpose, so that tools like this one can
 * see them.  What counts is prefix and length; nothing is guessed from entropy.
 */
#include <ctype.h>

#include "guard/guard.h"

static const struct {
	struct view prefix;
	size_t min;		/* characters behind the prefix */
} kinds[] = {
	{ VIEW("sk-"), 16 },			/* OpenAI, Anthropic, OpenRouter, DeepSeek, ... */
	{ VIEW("xai-"), 20 },
	{ VIEW("gsk_"), 20 },			/* Groq */
	{ VIEW("AIza"), 30 },			/* Google */
	{ VIEW("ya29."), 20 },
	{ VIEW("AKIA"), 16 },			/* AWS access key ids */
	{ VIEW("ASIA"), 16 },
	{ VIEW("ghp_"), 30 },			/* GitHub */
	{ VIEW("gho_"), 30 },
	{ VIEW("ghs_"), 30 },
	{ VIEW("github_pat_"), 22 },
	{ VIEW("glpat-"), 20 },
	{ VIEW("hf_"), 30 },
	{ VIEW("xoxb-"), 20 },
	{ VIEW("xoxp-"), 20 },
	{ VIEW("npm_"), 30 },
	{ VIEW("pypi-"), 40 },
};

static bool key_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* A key at v's head?  Its length, or 0. */
static size_t key_at(struct view v)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = kinds[i].prefix.n;

		if (!view_starts(v, kinds[i].prefix))
			continue;
		while (n < v.n && key_char(v.p[n]))
			n++;
		if (n - kinds[i].prefix.n >= kinds[i].min)
			return n;
	}
	return 0;
}

static bool apikey_find(struct view text, struct finding *ret)
{
	static const char first[] = "sxgAyhnp";

	for (size_t i = 0; i < text.n; i++) {
		if (!memchr(first, text.p[i], sizeof(first) - 1))
			continue;
		if (i && key_char(text.p[i - 1]))
			continue;
		ret->n = key_at(view_drop(text, i));
		if (ret->n) {
			ret->at = i;
			return true;
		}
	}
	return false;
}

const struct detector detect_apikey = { "apikey", apikey_find };
