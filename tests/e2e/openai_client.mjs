// The official OpenAI SDK for Node, unmodified. Does one of each kind of call and prints what came back as one JSON object.
//   node openai_client.mjs NPM_FOLDER BASE_URL SLOW_MODEL
import { createRequire } from 'node:module';

const [npmFolder, baseURL, slowModel] = process.argv.slice(2);
const OpenAI = createRequire(`${npmFolder}/`)('openai');
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, timeout: 20_000 });
const messages = [{ role: 'user', content: 'hello' }];
const seen = {};

seen.chat = await client.chat.completions.create({ model: 'm', messages, max_tokens: 5 });

seen.stream = { pieces: 0, usage: null };
for await (const chunk of await client.chat.completions.create({
  model: 'm', messages, max_tokens: 8, stream: true, stream_options: { include_usage: true },
})) {
  if (chunk.choices[0]?.delta?.content) seen.stream.pieces += 1;
  if (chunk.usage) seen.stream.usage = chunk.usage;
}

seen.embedding = (await client.embeddings.create({ model: 'm', input: ['one', 'two'] })).data.map((item) => item.embedding.length);
seen.models = (await client.models.list()).data.map((model) => model.id);

try {
  await client.chat.completions.create({ model: 'nobody-serves-this', messages });
} catch (error) {
  seen.error = { name: error.constructor.name, status: error.status, code: error.code };
}

// Asks for far more than it reads, and leaves after the first piece.
const abandoned = await client.chat.completions.create({ model: slowModel, messages, max_tokens: 1000, stream: true });
for await (const chunk of abandoned) {
  if (chunk.choices[0]?.delta?.content) break;
}
seen.abandoned = abandoned.controller.signal.aborted;

console.log(JSON.stringify(seen));
