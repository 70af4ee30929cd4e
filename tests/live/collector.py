# SPDX-License-Identifier: Apache-2.0
"""A stand-in for an OTLP/HTTP receiver that keeps what it gets and answers as a test wants."""

import gzip
import http.server
import ssl
import threading
import time

from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service


class Collector:
    """answers: statuses for the first requests, then 200 for ever. 0: never answers; -1: closes without a word."""

    def __init__(self, answers=(), always=None, retry_after=None, partial=0, tls=None):
        self.answers, self.always, self.retry_after, self.partial = list(answers), always, retry_after, partial
        self.requests, self.accepted, self.metric_bodies, self.log_bodies = [], [], [], []
        self.release = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.post(self)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://localhost:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def post(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        plain = gzip.decompress(body) if h.headers.get("Content-Encoding") == "gzip" else body
        others = {"metrics": self.metric_bodies, "logs": self.log_bodies}.get(h.path.rsplit("/", 1)[1])
        if others is not None:	# in a good mood always: the moods are for spans
            others.append(plain)
            h.send_response(200)
            h.send_header("Content-Length", "0")
            h.end_headers()
            return
        self.requests.append({"path": h.path, "headers": dict(h.headers), "body": plain, "at": time.monotonic()})
        status = self.always if self.always is not None else self.answers.pop(0) if self.answers else 200
        if status <= 0:
            if not status:
                self.release.wait(60)
            h.close_connection = True
            return
        answer = service.ExportTraceServiceResponse()
        if status == 200:
            self.accepted.append(plain)
            if self.partial:
                answer.partial_success.rejected_spans = self.partial
                answer.partial_success.error_message = "these I do not like"
        data = answer.SerializeToString()
        h.send_response(status)
        if self.retry_after is not None and status in (429, 503):
            h.send_header("Retry-After", str(self.retry_after))
        h.send_header("Content-Type", "application/x-protobuf")
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)

    def spans(self):
        """The accepted spans, through the official classes."""
        out = []
        for body in self.accepted:
            request = service.ExportTraceServiceRequest.FromString(body)
            for r in request.resource_spans:
                for s in r.scope_spans:
                    out += [(span, r.resource, s.scope) for span in s.spans]
        return out

    def metrics(self):
        """The metrics of the newest export, through the official classes: [(resource attributes, metric)]."""
        request = metrics_service.ExportMetricsServiceRequest.FromString(self.metric_bodies[-1])
        return [({a.key: a.value.string_value for a in r.resource.attributes}, m)
                for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]

    def close(self):
        self.release.set()
        self.http.shutdown()
        self.http.server_close()
