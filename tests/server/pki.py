# SPDX-License-Identifier: Apache-2.0
"""A CA of its own and a certificate for every name a client asks for (SNI), made with openssl(1)."""

import os
import ssl
import subprocess
import threading


class Pki:
    def __init__(self, directory):
        self.dir = directory
        self.lock = threading.Lock()
        self.contexts = {}
        os.makedirs(directory, exist_ok=True)
        self.ca, self.ca_key = self.path("ca.pem"), self.path("ca.key")
        self.key = self.path("server.key")
        if not os.path.exists(self.ca):
            self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     self.ca_key, "-out", self.ca, "-days", "30", "-subj", "/CN=onlooker test CA",
                     "-addext", "basicConstraints=critical,CA:TRUE",
                     "-addext", "keyUsage=critical,keyCertSign,cRLSign")
            self.run("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", self.key)

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *args):
        subprocess.run(["openssl", *args], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.PIPE)

    def certificate(self, name):
        stem = "".join(c if c.isalnum() or c in ".-" else "_" for c in name)
        crt, csr, ext = (self.path(f"{stem}.{x}") for x in ("crt", "csr", "ext"))
        if not os.path.exists(crt):
            alt = f"DNS:{name},DNS:localhost,IP:127.0.0.1,IP:::1"
            with open(ext, "w") as f:
                f.write(f"subjectAltName={alt}\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n"
                        "extendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
            self.run("req", "-new", "-key", self.key, "-subj", "/CN=onlooker test server", "-out", csr)
            self.run("x509", "-req", "-in", csr, "-CA", self.ca, "-CAkey", self.ca_key, "-CAcreateserial",
                     "-days", "30", "-extfile", ext, "-out", crt)
        return crt

    def context(self, name, version=None, alpn=("http/1.1",)):
        """A server context for this name; version: the only TLS version it speaks, None: 1.2 and 1.3."""
        with self.lock:
            key = (name, version, alpn)
            if key not in self.contexts:
                c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                c.minimum_version = version or ssl.TLSVersion.TLSv1_2
                if version:
                    c.maximum_version = version
                c.load_cert_chain(self.certificate(name), self.key)
                c.set_alpn_protocols(list(alpn))
                self.contexts[key] = c
            return self.contexts[key]

    def listener_context(self, version=None, alpn=("http/1.1",)):
        """The context of a listening socket: it changes to the asked name's in the handshake."""
        base = self.context("localhost", version, alpn)

        def on_sni(sock, name, _):
            sock.asked_name = name
            if name and name != "localhost":
                sock.context = self.context(name, version, alpn)

        base.sni_callback = on_sni
        return base
