// SPDX-License-Identifier: Apache-2.0

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;

/** JavaHttp2.java BASE FILE...: posts each file, whose name is API-anything, over HTTP/2; plain by h2c upgrade. */
public class JavaHttp2 {
	static String path(String file) {
		switch (Path.of(file).getFileName().toString().split("-")[0]) {
		case "chat": return "/v1/chat/completions";
		case "responses": return "/v1/responses";
		case "embeddings": return "/v1/embeddings";
		default: return "/v1/messages";
		}
	}

	public static void main(String[] args) throws Exception {
		HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
		for (int i = 1; i < args.length; i++) {
			HttpRequest request = HttpRequest.newBuilder(URI.create(args[0] + path(args[i])))
				.header("Content-Type", "application/json").header("Authorization", "Bearer sk-test-SECRET")
				.POST(HttpRequest.BodyPublishers.ofString(Files.readString(Path.of(args[i])))).build();
			HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
			if (response.version() != HttpClient.Version.HTTP_2)
				throw new RuntimeException("HTTP/2 was wanted: " + response.version());
		}
	}
}
