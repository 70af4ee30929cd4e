// SPDX-License-Identifier: Apache-2.0
/* prices.json inside the program, so that it needs no file beside it. */
#include "trace/prices.h"

__asm__(".pushsection .rodata\n"
	"prices_text: .incbin \"user/trace/prices.json\"\n"
	"prices_text_end: .byte 0\n"
	".popsection\n");

extern const char prices_text[], prices_text_end[];

struct prices *prices_builtin(void)
{
	char why[128];

	return prices_read((struct view){ prices_text, prices_text_end - prices_text }, why);
}
