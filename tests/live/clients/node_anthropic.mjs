// SPDX-License-Identifier: Apache-2.0
// node_anthropic.mjs CALLS [parallel]: the calls of a JSON list, through @anthropic-ai/sdk.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(process.env.NODE_MODULES_DIR + '/');
const sdk = require('@anthropic-ai/sdk');
const Anthropic = sdk.Anthropic ?? sdk.default;
const calls = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const client = new Anthropic({ maxRetries: 0 });

async function one(call) {
	try {
		const options = { maxRetries: call.retries ?? 0 };
		if (call.scenario)
			options.headers = { 'X-Scenario': call.scenario };
		const answer = await client.messages.create(call.body, options);
		if (call.body.stream)
			for await (const _ of answer);
	} catch (e) {
		console.log(e.constructor.name);
	}
}

if (process.argv[3] === 'parallel')
	await Promise.all(calls.map(one));
else
	for (const call of calls)
		await one(call);
