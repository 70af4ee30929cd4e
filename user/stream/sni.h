/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SNI_H
#define SNI_H

#include "base/view.h"

/*
 * The server name of a TLS ClientHello (RFC 8446 section 4.1.2, RFC 6066 section
 * 3), given the head of what a client sent first: TLS records.  *ret is a view
 * into it.  False: no hello, none in it, cut off before it, or no host name.
 */
bool sni_find(struct view record, struct view *ret);

#endif /* SNI_H */
