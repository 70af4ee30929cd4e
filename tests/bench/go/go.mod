// SPDX-License-Identifier: Apache-2.0
module onlooker.test/bench

go 1.26.0

require (
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26
	github.com/gorilla/websocket v1.5.3
	golang.org/x/net v0.62.0
)

require (
	github.com/aws/smithy-go v1.28.8 // indirect
	golang.org/x/text v0.43.0 // indirect
)
