// SPDX-License-Identifier: Apache-2.0
// node_http.mjs CALLS fetch|undici|https: the calls of a JSON list, as plain HTTP.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import https from 'node:https';
import http from 'node:http';

const require = createRequire(process.env.NODE_MODULES_DIR + '/');
const [calls, library] = [JSON.parse(readFileSync(process.argv[2], 'utf8')), process.argv[3]];
const paths = { chat: '/v1/chat/completions', responses: '/v1/responses', embeddings: '/v1/embeddings',
	messages: '/v1/messages' };

function parts(call) {
	const headers = { 'content-type': 'application/json', authorization: 'Bearer sk-test-SECRET' };
	if (call.scenario)
		headers['x-scenario'] = call.scenario;
	return [process.env.BASE + paths[call.api], JSON.stringify(call.body), headers];
}

async function withFetch(call) {
	const [url, body, headers] = parts(call);
	const r = await fetch(url, { method: 'POST', body, headers });
	for await (const _ of r.body);
}

async function withUndici(call) {
	const { Agent, request } = require('undici');
	withUndici.agent ??= new Agent({ connect: { ca: readFileSync(process.env.SSL_CERT_FILE) } });
	const [url, body, headers] = parts(call);
	const r = await request(url, { method: 'POST', body, headers, dispatcher: withUndici.agent });
	for await (const _ of r.body);
}

function withHttps(call) {
	const [url, body, headers] = parts(call);
	const lib = url.startsWith('https') ? https : http;
	withHttps.agent ??= new lib.Agent({ keepAlive: true });
	return new Promise((done, fail) => {
		const r = lib.request(url, { method: 'POST', headers, agent: withHttps.agent }, (answer) => {
			answer.on('data', () => {});
			answer.on('end', done);
			answer.on('error', fail);
		});
		r.on('error', fail);
		r.end(body);
	});
}

const one = { fetch: withFetch, undici: withUndici, https: withHttps }[library];
for (const call of calls)
	try {
		await one(call);
	} catch (e) {
		console.log(e.constructor.name);
	}
withUndici.agent?.close();
withHttps.agent?.destroy();
