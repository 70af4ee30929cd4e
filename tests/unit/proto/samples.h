/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "proto/proto.h"

/* Odd but telling inputs for every row of protos[]; what split and gap tests feed besides the recorded exchanges. */
struct sample {
	const char *proto;
	struct view text;
};

#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const struct sample samples[] = {
	{ "http1 request", VIEW("GET / HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
				"GET /c HTTP/1.0\r\n\r\n") },
	{ "http1 request", VIEW("\r\n\n\r\nGET / HTTP/1.1\nHost: h\nX: a\n b\n\tc\nY:\n\n") },
	{ "http1 request", VIEW("POST / HTTP/1.1\r\n" CHUNKED "5;a=b;c=\"d\"\r\nhello\r\n0003\r\nabc\r\n0\r\nT: u\r\n v\r\n\r\n"
				"GET /next HTTP/1.1\r\n\r\n") },
	{ "http1 request", VIEW("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd}"
				"POST /next HTTP/1.1\r\nHost: h\r\n\r\n") },
	{ "http1 request", VIEW("POST / HTTP/1.1\r\n" CHUNKED "5\r\nhelloX\r\nGET /no HTTP/1.1\nGET /n HTTP/1.1\r\nA: b\r\n\r\n") },
	{ "http1 request", VIEW("POST / HTTP/1.1\r\n" CHUNKED "ffffffffffffffff1\r\nx\r\n\r\nGET /n HTTP/1.1\r\n\r\n") },
	{ "http1 request", VIEW("not http at all\r\nGET /a HTTP/1.1\r\nnot a header\r\nGET /b HTTP/1.1\r\nA: b\r\n\r\n") },
	{ "http1 request", VIEW("GET /a HTTP/1.1\r\n folded: nothing\r\nno colon\r\n: no name\r\nA : b \r\n\r\n") },
	{ "http1 request", VIEW("\x16\x03\x01\x02\r\nGET /a HTTP/1.1\r\n\r") },
	{ "http1 request", VIEW("POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nxyPOST /b HTTP/1.1\r\nContent-Length: 0\r\n\r\n") },
	{ "http1 request", VIEW("}\r\nGET /a HTTP/1.1\r\nA: b\r\n\r\nno \"head") },
	{ "http1 response", VIEW("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
				 "HTTP/1.1 204\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n") },
	{ "http1 response", VIEW("HTTP/1.0 200 OK\r\n\r\nto the very\nend") },
	{ "http1 response", VIEW("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n" CHUNKED "2\r\nok\r\n0\r\n\r\n"
				 "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok") },
	{ "http1 response", VIEW("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{\"a\":\"HTTP/1.1 500 x\r\n\"}"
				 "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 0\r\n\r\n") },
	{ "http1 response", VIEW("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x81\x02hi") },
	{ "http1 response", VIEW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nto the end") },
	{ "http1 response", VIEW("garbage HTTP/1.1 200 OK\r\r\nHTTP/1.1 200 OK\r\n\tx: y\r\nHTTP/1.1 201 C\r\nA: b\r\n\r\n") },
	{ "http1", VIEW("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n") },
	{ "http1", VIEW("DELETE /x HTTP/1.1\r\n\r\nGET /y HTTP/1.1\r\n\r\n") },
	{ "http1", VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0") },
	{ "http1", VIEW("HTTP/1.x 200 OK\r\n\r\nHTTP/1.1 2000 OK\r\n\r\nGET  /two  HTTP/1.1\r\nA: b\r\n\r\n") },
	{ "http2", VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
			"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0" "d"
			"\0\0\x04\x08\0\0\0\0\0\0\x01\0\0"
			"\0\0\x10\x01\x04\0\0\0\x01\x83\x86" "D\x02/vA\x01h@\x02xa\x02yy"
			"\0\0\x07\0\x01\0\0\0\x01{\"a\":1}"
			"\0\0\x05\x01\x05\0\0\0\x03\x82\x86\xc0\xbf\xbe"
			"\0\0\0\x04\x01\0\0\0\0") },
	{ "http2", VIEW("\0\0\0\x04\0\0\0\0\0"
			"\0\0\0\x04\x01\0\0\0\0"
			"\0\0\x05\x01\x04\0\0\0\x01H\x03" "103"
			"\0\0\n\x01(\0\0\0\x01\x03\0\0\0\0\x10\x88\0\0\0"
			"\0\0\x06\x09\0\0\0\0\x01@\x02" "ab\x01" "c"
			"\0\0\x01\x09\x04\0\0\0\x01\xbe"
			"\0\0\n\0\x08\0\0\0\x01\x04hello\0\0\0\0"
			"\0\0\x05\0\0\0\0\0\x03other"
			"\0\0\x04\0\0\0\0\0\x01more"
			"\0\0\x0f\x01\x05\0\0\0\x01@\x0bgrpc-status\x01" "0"
			"\0\0\x04\x03\0\0\0\0\x03\0\0\0\x08"
			"\0\0\x0b\x07\0\0\0\0\0\0\0\0\x01\0\0\0\x0b" "bye") },
	{ "http2", VIEW("\0\0\0\x04\0\0\0\0\0"
			"\0\0\x0b\x05\x04\0\0\0\x01\0\0\0\x02\x82\x86@\x01q\x01r"
			"\0\0\x02\x01\x04\0\0\0\x02\x88\xbe"
			"\0\0\x06\0\x01\0\0\0\x02pushed"
			"\0\0\x02\x01\x05\0\0\0\x01\x88\xbe") },
	{ "http2", VIEW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
			"\0\0\0\x04\0\0\0\0\0"
			"\0\0\x06\x01\0\0\0\0\x01\x83\x86" "D\x02/v"
			"\0\0\x01\0\x01\0\0\0\x03x"
			"\0\0\x04\0\x09\0\0\0\x01\x09" "abc"
			"\0\0\x03\x01\x05\0\0\0\x05\x82\xff\xff"
			"\0\0\x01\x01,\0\0\0\x07@"
			"\0\0\x04\x06\0\0\0\0\0" "1234"
			"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01"
			"\0\0\x05\0\x01\0\0\0\x09" "again") },
	{ "http2", VIEW("PRI * HTTP/2.0\r\n\n"
			"\0\0\x04\x08\0\0\0\0\0\0\0\0\x01") },
	{ "http2", VIEW("\0\0\x06\x04\0\0\0\0\0\0\x01\0\0\0\0"
			"\0\0\x04\x10\0\0\0\0\0prio"
			"\0\0\x01\xfa\xff\0\0\0\x09x"
			"\0\0\x05\x01\x05\0\0\0\x01 \?\xe1\x1f\x88"
			"\0\0\0\0\0\0\0\0\0"
			"\0\0\x02\0\0\0\0\0\x01in"
			"\0\0\x08\x06\0\0\0\0\0" "12345678") },
	{ "grpc", VIEW("\0\0\0\0\5hello\1\0\0\0\2gz\0\0\0\0\0\x80\0\0\0\x10grpc-status: 0\r\n") },
	{ "grpc", VIEW("\0\0\0\0\3abc\7what is this") },
	{ "grpc", VIEW("\0\0\0\1\0never whole") },
	{ "sse", VIEW("data: a\n\ndata:b\ndata: c\n\nevent: x\ndata: {\"a\":1}\n\n: comment\n\nid: 1\nretry: 3\n\ndata\n\n") },
	{ "sse", VIEW("\xef\xbb\xbf" "data: bom\r\n\r\ndata: cr\r\rdata: \xef\xbb\xbf mixed\r\n\ndata:  two\r\r\n\r\n") },
	{ "sse", VIEW("\xef\xbb" "data: no bom\n\ndata: yes\n\ndatax: no\n\nevent:only\n\ndat: no\n\ndata: last") },
	{ "sse", VIEW("data: x\n\n{\"error\":\n {\"a\": 1}}\n\ndata: y\n{\"b\":1}\n\n{}") },
	{ "sse", VIEW("data: x\ndata\ndata:\n\nevent: a\nevent: b\ndata: c\n\n\n\n\nevent: error\ndata: no blank line\n") },
	{ "eventstream", VIEW("\x00\x00\x00=\x00\x00\x00&\xee\x9e&\xa3\x0b:event-type\x07\x00\x01" "a\x0d:message-type\x07\x00\x05" "event{\"x\":1}7\x8c\x95" "c\x00\x00\x00" "6\x00\x00\x00&\x99N\x17\xb2\x0b:event-type\x07\x00\x01" "b\x0d:message-type\x07\x00\x05" "evento\x87\x92\x8a\x00\x00\x00Y\x00\x00\x00:\x96-\xab" "a\x0d:message-type\x07\x00\x09" "exception\x0f:exception-type\x07\x00\x0d" "boomException{\"message\":\"m\"}m@VS") },
	{ "eventstream", VIEW("\x00\x00\x00L\x00\x00\x00<\xd7N\x16\xa6\x0d:message-type\x07\x00\x05" "error\x0b:error-code\x07\x00\x01" "c\x0e:error-message\x07\x00\x04saidF\x1b\x86\xbc\x00\x00\x00\x15\x00\x00\x00\x00\xcd\"\xc7\x9bplainx<\xf0\xdf\x00\x00\x00" "8\x00\x00\x00&&~\xa9\xd3\x0b:event-type\x07\x00\x01" "c\x0d:message-type\x07\x00\x05" "eventzzol>\x08\x00\x00\x00=\x00\x00\x00&\xee\x9e&\xa3\x0b:event-type\x07\x00\x01" "a\x0d:message-type\x07\x00\x05" "event{\"x\":1}7\x8c\x95" "c") },
	{ "eventstream", VIEW("\x00\x00\x00=\x00\x00\x00&\xee\x9e&\xa3\x0b:event-type\x07\x00\x01" "a\x0d:message-type\x07\x00\x05" "event{\"x\":1}7") },
	{ "eventstream", VIEW("\x00\x00\x00 \x00\x00\x00\x00nope") },
	{ "ws", VIEW("\x81\x05Hello\x01\x03Hel\x89\x04ping\x00\x02lo\x8a\x00\x80\x01!\x82\x02\x00\xff\x81\x00\x88\x05\x03\xe8" "bye") },
	{ "ws", VIEW("\x81\x85" "7\xfa!=\x7f\x9fMQX\x81\xfe\x00\x8a" "7\xfa!=L\xd8@\x1f\x0d\xd8YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YEO\x82YE\x15\x87\x89\x81" "7\xfa!=G\x88\x80" "7\xfa!=") },
	{ "ws", VIEW("\x81\x02ok\x01\x04part\x81\x05" "again") },
	{ "ws", VIEW("\x81\x08" "cut h") },
	{ "ws", VIEW("\x80\x04lost") },
	{ "ws", VIEW("\x83\x00") },
	{ "ws", VIEW("\x89~\x00~") },
	{ "ws", VIEW("\xc1\x03" "abc") },
	{ "ws", VIEW("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff") },
	{ "ws deflate", VIEW("\xc1 \xaaV*\xa9,HU\xb2R\xca\xcfKU\xd2Q*I\xad(\x01r2Rsr\xf2\x15\xc0\xa4R-\x00" "A\x05\xaa\x86)))\x89\x01x\x80\x05\xcf\xc7\xa1\x04\x00\x81\x09not coded\xc1\x0b" "B(\xc9(JE7G\xa9\x16\x00") },
	{ "ws deflate", VIEW("\xc1\x03\xff\xff\xff\xc1 \xaaV*\xa9,HU\xb2R\xca\xcfKU\xd2Q*I\xad(\x01r2Rsr\xf2\x15\xc0\xa4R-\x00\x81\x05plain") },
	{ "ws deflate", VIEW("\xc2\x00\xc1\x01\x03\xc1 \xaaV*\xa9,HU\xb2R\xca\xcfKU\xd2Q*I\xad(\x01r2Rsr\xf2\x15\xc0\xa4R-\x00") },
	{ "ws deflate", VIEW("\xc0\x01x") },
	{ "jsonl", VIEW("{\"a\":1}\n{\"b\":2}\r\n\n  \n3\n{\"last\":") },
	{ "jsonl", VIEW("\n\n{}\n") },
	{ "json array", VIEW("[{\"a\":[1,\"]},{\\\"\"]}\n,\r\n{\"b\":{}}\n,\r\n{\n  \"c\": 2\n}\n]\n[1]") },
	{ "json array", VIEW(" [1,2 ,\"x\\\\\",true\n,[[]],{}") },
	{ "json array", VIEW("{\"error\":{\"code\":503}} {}") },
	{ "json array", VIEW(" 12]") },
	{ "json array", VIEW("[}},,{\"cut\":\"") },
};

#define SAMPLE_CNT (sizeof(samples) / sizeof(samples[0]))

/* AWS event stream: two frames, and one with "marker" in it. */
static inline struct view sample_frames(void)
{
	return VIEW("\x00\x00\x00=\x00\x00\x00&\xee\x9e&\xa3\x0b:event-type\x07\x00\x01" "a\x0d:message-type\x07\x00\x05" "event{\"x\":1}7\x8c\x95" "c\x00\x00\x00" "6\x00\x00\x00&\x99N\x17\xb2\x0b:event-type\x07\x00\x01" "b\x0d:message-type\x07\x00\x05" "evento\x87\x92\x8a");
}

static inline struct view sample_marker(void)
{
	return VIEW("\x00\x00\x00=\x00\x00\x00+\x90/Z\x1e\x0b:event-type\x07\x00\x06marker\x0d:message-type\x07\x00\x05" "event{}/dU\x9a");
}

static inline const struct proto *sample_proto(const char *name)
{
	for (size_t i = 0; protos[i]; i++)
		if (!strcmp(protos[i]->name, name))
			return protos[i];
	return NULL;
}

/* The nth of a row's. */
static inline struct view samples_named(const char *name, size_t n)
{
	for (size_t i = 0; i < SAMPLE_CNT; i++)
		if (!strcmp(samples[i].proto, name) && !n--)
			return samples[i].text;
	return VIEW_NONE;
}

#endif /* SAMPLES_H */
