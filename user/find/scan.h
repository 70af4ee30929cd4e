/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FIND_SCAN_H
#define FIND_SCAN_H

#include "find/image.h"

/*
 * What all finders want to know of a file's bytes, gathered in one pass over
 * all segments (texts) and, if any text was there, one over the code (who refers
 * to them, byte patterns, call targets).  Finders name what they look for in
 * static tables; a row's address is its name in the questions below.
 *
 * Bounded whatever the file says: SCAN_HITS_MAX places a row, the rest is
 * counted as "too many", and a finder that needs them must then give up.
 */
#define SCAN_HITS_MAX	512

enum scan_how {
	SCAN_WHOLE,	/* a C string of its own: NUL behind it, no word character before it */
	SCAN_ENDS,	/* a C string ends with it; its address is where that string begins, by the references to it, or else behind the NUL before it */
	SCAN_STARTS,	/* these bytes, anywhere: Rust's texts have no end */
};

/* A text in a loaded segment: 7 to 127 characters, or with SCAN_WHOLE and SCAN_ENDS from 6. */
struct scan_text {
	const char *text;	/* NULL ends the table */
	enum scan_how how;
};

/* Bytes of code, looked for only where one of the same finder's texts was found. byte[anchor] is the rarest of them. */
struct scan_code {
	uint8_t n, anchor;	/* n 0 ends the table */
	enum image_machine machine;
	uint8_t byte[16], mask[16];	/* mask[anchor] is 0xff */
};

/* An instruction that takes the address of a text. */
struct scan_ref {
	uint64_t va;		/* of the instruction; of the last add, where adrp and add make the address */
	uint64_t to;		/* of the text */
	uint8_t len;		/* of the instruction */
	uint8_t reg;		/* the register that gets it, as the machine numbers them; 0xff: it goes elsewhere */
};

struct scan;
struct finder;

/* finders: a table that ends with NULL.  NULL: *ret_err is -ENOMEM or -EIO. */
struct scan *scan_new(const struct image *im, const struct finder *const *finders, int *ret_err);
void scan_free(struct scan *s);

/* Where the text is; t: a row of a table that a finder gave.  Up to SCAN_HITS_MAX, ascending. */
size_t scan_texts(const struct scan *s, const struct scan_text *t, const uint64_t **ret);
/* Who refers to it, ascending. */
size_t scan_refs(const struct scan *s, const struct scan_text *t, const struct scan_ref **ret);
/* Where the pattern begins, ascending. */
size_t scan_codes(const struct scan *s, const struct scan_code *c, const uint64_t **ret);

/* More places than are kept were there. */
bool scan_too_many(const struct scan *s, const struct scan_text *t);

/*
 * The function that va lies in.  Its start comes from an unwind table entry that
 * covers va, or else from the nearest target of a call before it that looks like a start.
 */
struct scan_func {
	uint64_t va, size;	/* without an unwind entry, size reaches to what seems to be the next function; 0: unknown */
	bool unwind;		/* an entry of .eh_frame says so */
	bool called;		/* a call instruction goes there */
};
bool scan_function(const struct scan *s, uint64_t va, struct scan_func *ret);
/* The functions that refer to the text, each once, ascending; as many as there are, of which up to max are put into ret. */
size_t scan_referrers(const struct scan *s, const struct scan_text *t, struct scan_func *ret, size_t max);
/* Where direct calls of va are, ascending: another pass over the code.  Returns how many, at most max; -ENOMEM, -EIO. */
int scan_callers(const struct scan *s, uint64_t va, uint64_t *ret, size_t max);
/* A direct call goes to va. */
bool scan_called(const struct scan *s, uint64_t va);

#endif /* FIND_SCAN_H */
