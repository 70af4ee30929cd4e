/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHECK_FILE_H
#define CHECK_FILE_H

#include <stdbool.h>

/* Prints which TLS stacks a file has and where their functions are; returns the exit status. */
int check_file(const char *path, bool json);

#endif /* CHECK_FILE_H */
