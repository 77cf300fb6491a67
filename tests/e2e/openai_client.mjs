// The official OpenAI SDK for Node, unmodified. Does one of each kind of call and prints what came back as one JSON object.
//   node openai_client.mjs NPM_FOLDER BASE_URL
import { createRequire } from 'node:module';

const [npmFolder, baseURL] = process.argv.slice(2);
const OpenAI = createRequire(`${npmFolder}/`)('openai');
const client = new OpenAI({ baseURL, apiKey: 'unused', maxRetries: 0, timeout: 20_000 });
const messages = [{ role: 'user', content: 'hello' }];
const seen = {};

/** What an SDK's error tells a program. */
const told = (error) => ({ name: error.constructor.name, status: error.status ?? null, code: error.code ?? null });

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
  seen.error = told(error);
}

// An engine that is overloaded at first: the SDK asks again by itself.
seen.retried = (await client.chat.completions.create({ model: 'busy-once', messages }, { maxRetries: 2 })).choices[0].message.content;

// A stream that breaks after its first piece must not look like a whole one.
seen.broken = { pieces: 0 };
try {
  for await (const chunk of await client.chat.completions.create({ model: 'breaks', messages, stream: true })) {
    if (chunk.choices[0]?.delta?.content) seen.broken.pieces += 1;
  }
  seen.broken.error = null;
} catch (error) {
  seen.broken.error = told(error);
}

// Leaves after the first piece of a stream that goes on.
const abandoned = await client.chat.completions.create({ model: 'endless', messages, stream: true });
for await (const chunk of abandoned) {
  if (chunk.choices[0]?.delta?.content) break;
}
seen.abandoned = abandoned.controller.signal.aborted;

// Leaves before there is an answer.
const controller = new AbortController();
setTimeout(() => controller.abort(), 200);
try {
  await client.chat.completions.create({ model: 'silent', messages }, { signal: controller.signal });
} catch (error) {
  seen.aborted = error.constructor.name;
}

console.log(JSON.stringify(seen));
