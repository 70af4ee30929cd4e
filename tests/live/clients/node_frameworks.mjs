// SPDX-License-Identifier: Apache-2.0
// node_frameworks.mjs agents|ai: @openai/agents and Vercel's ai, each asks, calls its tool and answers.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.NODE_MODULES_DIR + '/');
const load = (name) => import(pathToFileURL(require.resolve(name)));
const ASK = "Wie ist's in Zürich? ☀";

async function agents() {
	const { Agent, run, tool, setOpenAIAPI, setTracingDisabled } = require('@openai/agents');
	const { z } = require('zod');
	const weather = tool({ name: 'get_weather', description: 'The weather.', parameters: z.object({ city: z.string() }),
		execute: () => '21 °C' });
	setTracingDisabled(true);
	for (const api of ['chat_completions', 'responses']) {
		setOpenAIAPI(api);
		const agent = new Agent({ name: 'Weather', instructions: 'Be brief.', model: `agents-${api}`, tools: [weather] });
		if (!(await run(agent, ASK)).finalOutput)
			throw new Error('no output');
		const stream = await run(agent, ASK, { stream: true });
		for await (const _ of stream);
		await stream.completed;
	}
}

async function ai() {
	const { generateText, streamText, embedMany, tool, jsonSchema, stepCountIs } = await load('ai');
	const { createOpenAI } = await load('@ai-sdk/openai');
	const { createAnthropic } = await load('@ai-sdk/anthropic');
	const openai = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL });
	const anthropic = createAnthropic({ baseURL: process.env.ANTHROPIC_BASE_URL + '/v1' });
	const tools = { get_weather: tool({ description: 'The weather.', execute: async () => '21 °C',
		inputSchema: jsonSchema({ type: 'object', properties: { city: { type: 'string' } } }) }) };
	for (const model of [openai.chat('ai-chat'), openai.responses('ai-responses'), anthropic('ai-messages')]) {
		const asked = { model, prompt: ASK, tools, stopWhen: stepCountIs(3), maxOutputTokens: 99, maxRetries: 0 };
		if (!(await generateText(asked)).text)
			throw new Error('no text');
		for await (const _ of streamText(asked).textStream);
	}
	await embedMany({ model: openai.embedding('ai-embed'), values: ['eins', 'zwei'], maxRetries: 0 });
}

await { agents, ai }[process.argv[2]]();
