// SPDX-License-Identifier: Apache-2.0
#include "proto/proto.h"

const struct proto *const protos[] = {
	&proto_http1_request,
	&proto_http1_response,
	&proto_http1,
	&proto_http2,
	&proto_sse,
	&proto_jsonl,
	&proto_json_array,
	&proto_eventstream,
	&proto_ws,
	&proto_ws_deflate,
	&proto_grpc,
	NULL,
};
