# SPDX-License-Identifier: Apache-2.0
"""py_awscrt.py HOST PORT CA SIZE...: chat requests with messages of so many bytes, through s2n-tls in the AWS runtime."""
import io
import json
import sys

from awscrt import http, io as aws


def once(connection, host, port, size):
    body = json.dumps({"model": f"gpt-tls-{size}", "messages": [{"role": "user", "content": "a" * size}]}).encode()
    headers = [("Host", f"{host}:{port}"), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    request = http.HttpRequest("POST", "/v1/chat/completions", http.HttpHeaders(headers), io.BytesIO(body))
    status = []
    stream = connection.request(request, lambda http_stream, status_code, headers, **kw: status.append(status_code))
    stream.activate()
    stream.completion_future.result(20)
    assert status == [200], status


def main():
    host, port, ca = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    loop = aws.EventLoopGroup(1)
    bootstrap = aws.ClientBootstrap(loop, aws.DefaultHostResolver(loop))
    options = aws.TlsContextOptions()
    options.override_default_trust_store_from_path(None, ca)
    tls = aws.ClientTlsContext(options).new_connection_options()
    tls.set_server_name(host)
    for size in map(int, sys.argv[4:]):
        connection = http.HttpClientConnection.new(host, port, bootstrap, tls_connection_options=tls).result(20)
        once(connection, host, port, size)
        connection.close().result(20)


main()
