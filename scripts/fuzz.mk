# SPDX-License-Identifier: Apache-2.0
# Included by the Makefile.
$(O)/tests/unit/base/test_json_jansson: LIBS += -ljansson
