// SPDX-License-Identifier: Apache-2.0

// client CALLS [parallel|move]: the calls of a JSON list, by reqwest; move: by hand, on one
// connection of rustls that is moved in memory between them.
use futures_util::StreamExt;
use serde_json::Value;

fn path(api: &str) -> &'static str {
    match api {
        "chat" => "/v1/chat/completions",
        "responses" => "/v1/responses",
        "embeddings" => "/v1/embeddings",
        _ => "/v1/messages",
    }
}

fn scenario(call: &Value) -> &str {
    call["scenario"].as_str().unwrap_or("")
}

async fn one(client: reqwest::Client, base: String, call: Value) {
    let mut r = client
        .post(base + path(call["api"].as_str().unwrap()))
        .header("content-type", "application/json")
        .header("authorization", "Bearer sk-test-SECRET")
        .body(call["body"].to_string());
    if !scenario(&call).is_empty() {
        r = r.header("x-scenario", scenario(&call));
    }
    match r.send().await {
        Ok(answer) => {
            let mut s = answer.bytes_stream();
            while let Some(Ok(_)) = s.next().await {}
        }
        Err(e) => println!("{e}"),
    }
}

#[cfg(feature = "ring")]
mod by_hand {
    use super::{path, scenario};
    use serde_json::Value;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

    fn connect(base: &str, ca: &[u8]) -> Tls {
        use rustls::pki_types::{pem::PemObject, CertificateDer};
        let mut roots = rustls::RootCertStore::empty();
        for c in CertificateDer::pem_slice_iter(ca) {
            roots.add(c.unwrap()).unwrap();
        }
        let config = rustls::ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let port: u16 = base.rsplit(':').next().unwrap().parse().unwrap();
        let k = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap());
        rustls::StreamOwned::new(k.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap())
    }

    // The answer has a content-length: what follows it is the next one's.
    fn one(tls: &mut Tls, host: &str, call: &Value) {
        let body = call["body"].to_string();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-test-SECRET\r\n\
             X-Scenario: {}\r\nContent-Length: {}\r\n\r\n",
            path(call["api"].as_str().unwrap()),
            host,
            scenario(call),
            body.len()
        );
        tls.write_all((head + &body).as_bytes()).unwrap();
        let mut from = BufReader::new(tls);
        let mut left = 0;
        loop {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                left = n.trim().parse().unwrap();
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; left];
        from.read_exact(&mut answer).unwrap();
    }

    pub fn all(base: &str, ca: &[u8], calls: Vec<Value>) {
        let host = base.rsplit('/').next().unwrap();
        let mut here: [Option<Box<Tls>>; 2] = [Some(Box::new(connect(base, ca))), None];
        for (i, call) in calls.iter().enumerate() {
            one(here[i % 2].as_mut().unwrap(), host, call);
            let moved = *here[i % 2].take().unwrap();
            let somewhere_else = Box::new([0u8; 4096]);
            here[(i + 1) % 2] = Some(Box::new(moved));
            std::hint::black_box(somewhere_else);
        }
    }
}

#[tokio::main]
async fn main() {
    #[cfg(feature = "ring")]
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let args: Vec<String> = std::env::args().collect();
    let base = std::env::var("BASE").unwrap();
    let ca = std::fs::read(std::env::var("SSL_CERT_FILE").unwrap()).unwrap();
    let calls: Vec<Value> = serde_json::from_slice(&std::fs::read(&args[1]).unwrap()).unwrap();
    let how = args.get(2).map(String::as_str).unwrap_or("");
    #[cfg(feature = "ring")]
    if how == "move" {
        return by_hand::all(&base, &ca, calls);
    }
    let ca = reqwest::Certificate::from_pem_bundle(&ca).unwrap();
    let client = reqwest::Client::builder().tls_certs_only(ca).http1_only().build().unwrap();
    let mut tasks = Vec::new();
    for c in calls {
        let t = tokio::spawn(one(client.clone(), base.clone(), c));
        if how == "parallel" {
            tasks.push(t);
        } else {
            t.await.unwrap();
        }
    }
    for t in tasks {
        t.await.unwrap();
    }
}
