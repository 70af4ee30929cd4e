/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GENAI_AGAIN_H
#define GENAI_AGAIN_H

#include "genai/genai.h"

/*
 * Events that come again and again.
 *
 * An answer of 10,000 events is 10,000 times the same one with another piece of
 * text in it, and reading each as if it were the first is most of what observing
 * costs.  So an event that was read in full and did nothing but add text is
 * remembered as a stencil (json_shape.h), and one that fits it is not read: its
 * text is added to the same parts.
 *
 * That this is the same as reading it is not a matter of providers:
 *
 *  1. Reading is a function of the call, the event's name and its tree.  (No
 *     clock, no globals, and the bytes matter to it only as JSON.)
 *  2. An event becomes a stencil when reading it changed nothing in the call but
 *     the text of parts, by gen_part_add(): the call is compared with itself
 *     before (memory taken from its arena, which every copied text and every new
 *     choice and part needs, is a number in it), so are the provider's state
 *     and what choices say, and parts.c reports what else was done to parts.
 *  3. So reading the same event once more would do the same again and add the same
 *     text to the same parts.  Stencils are dropped as soon as an event
 *     changes the call in any other way.
 *  4. In the slots stand the texts that were added, and members that the provider
 *     never looks at.  What a slot holds cannot matter to anything else, if event()
 *     keeps to this: a string that it gives to gen_part_add() it looks at in no
 *     other way than gen_is_text(), and of what is in parts already it reads no text.
 *     A string that gen_is_text() would refuse does not fit.
 *
 * Fields of choices and parts that are set without copying (a static word) are set,
 * never counted up: then 3 holds for them too.  What was done to gen_call.state is
 * known by its size.
 *
 * tests/unit/genai/test_again.c and fuzz_again read the same streams with this and
 * without it and compare all that is known of the call.
 */

/* True: the event was one that came before, and it was applied. */
bool again_apply(struct gen_call *c, struct view name, struct view data);

/* Around one event that is read in full. */
void again_begin(struct gen_call *c);
void again_end(struct gen_call *c, struct view name, struct view data, struct json v);

/* parts.c: this text is being added; something else is being done to a part. */
void again_text(struct gen_call *c, struct gen_part *p, struct json text);
void again_other(struct gen_call *c);

void again_free(struct gen_call *c);

#endif /* GENAI_AGAIN_H */
