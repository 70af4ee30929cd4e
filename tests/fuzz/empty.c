// SPDX-License-Identifier: Apache-2.0
/* Links only where libFuzzer is. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return 0;
}
