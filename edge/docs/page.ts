// The docs page: every operation and message of the two documents, rendered on the server.
import { html } from 'hono/html';

type Json = Readonly<Record<string, unknown>>;
type Html = ReturnType<typeof html>;

const object = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(object) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly spec: Json;
}

export function docsPage(openApi: Json, asyncApi: Json): string {
  const operations = Object.entries(object(openApi['paths'])).flatMap(([path, methods]) =>
    Object.entries(object(methods)).map(
      ([method, spec]): Operation => ({ method: method.toUpperCase(), path, spec: object(spec) }),
    ),
  );
  const tags = [...new Set(operations.map(tagOf))];
  const schemas = Object.entries(object(object(openApi['components'])['schemas']));
  const messages = Object.entries(object(object(asyncApi['components'])['messages']));
  return String(html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lotok API</title>
<link rel="stylesheet" href="/docs/style.css">
</head>
<body>
<header>
<h1>Lotok API</h1>
<p>${text(object(openApi['info'])['description'])}</p>
<p>Machine-readable: <a href="/openapi.json">OpenAPI 3.1</a>, <a href="/asyncapi.json">AsyncAPI 3</a>. Server: <code>${text(list(openApi['servers'])[0]?.['url'])}</code></p>
<ul>
<li>Get a token from <code>POST /v1/auth/login</code> and send it as <code>Authorization: Bearer …</code>.</li>
<li>Errors are <code>application/problem+json</code> (RFC 9457); their <code>type</code> is stable.</li>
<li>Amounts are integers in the currency’s minor units. Lists go on with <code>cursor=next_cursor</code>.</li>
<li>Orders are made with an <code>Idempotency-Key</code>: the same key twice is one order.</li>
</ul>
<nav>${tags.map((tag) => html`<a href="#${tag}">${tag}</a> `)}<a href="#messages">messages</a> <a href="#schemas">schemas</a></nav>
</header>
<main>
${tags.map((tag) => html`<section id="${tag}"><h2>${tag}</h2>${operations.filter((each) => tagOf(each) === tag).map(operation)}</section>`)}
<section id="messages"><h2>messages</h2><p>What the stream and the bus say.</p>${messages.map(([name, message]) => described(`message-${name}`, name, text(object(message)['summary']), object(message)['payload']))}</section>
<section id="schemas"><h2>schemas</h2>${schemas.map(([name, schema]) => described(`schema-${name}`, name, text(object(schema)['description']), schema))}</section>
</main>
</body>
</html>`);
}

const tagOf = ({ spec }: Operation): string => String((spec['tags'] as unknown[] | undefined)?.[0] ?? 'other');

function operation({ method, path, spec }: Operation): Html {
  const parameters = list(spec['parameters']);
  const body = object(object(spec['requestBody'])['content']);
  const security = Array.isArray(spec['security']) ? spec['security'] : [];
  return html`<details id="${text(spec['operationId'])}">
<summary><code class="method ${method.toLowerCase()}">${method}</code> <code>${path}</code> <span>${text(spec['summary'])}</span>${security.length > 0 ? html` <em>token</em>` : ''}</summary>
${spec['description'] === undefined ? '' : html`<p>${text(spec['description'])}</p>`}
${parameters.length === 0 ? '' : html`<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr></thead><tbody>${parameters.map(parameter)}</tbody></table>`}
${Object.entries(body).map(([type, content]) => html`<h4>Body <code>${type}</code></h4>${schemaBlock(object(content)['schema'])}`)}
${list(spec['x-codeSamples']).map((sample) => html`<h4>Example</h4><pre>${text(sample['source'])}</pre>`)}
<h4>Answers</h4>
<dl>${Object.entries(object(spec['responses'])).map(([status, response]) => answer(status, object(response)))}</dl>
</details>`;
}

const parameter = (spec: Json): Html =>
  html`<tr><td><code>${text(spec['name'])}</code>${spec['required'] === true ? ' *' : ''}</td><td>${text(spec['in'])}</td><td>${typeOf(object(spec['schema']))}</td><td>${text(spec['description'])}</td></tr>`;

function answer(status: string, response: Json): Html {
  const content = Object.entries(object(response['content']));
  const shown = status.startsWith('2')
    ? content.map(([type, each]) => html`<code>${type}</code>${schemaBlock(object(each)['schema'])}`)
    : '';
  return html`<dt>${status}</dt><dd>${ticks(text(response['description']))} ${shown}</dd>`;
}

const described = (id: string, name: string, summary: string, schema: unknown): Html =>
  html`<details id="${id}"><summary><code>${name}</code> <span>${summary}</span></summary>${schemaBlock(schema)}</details>`;

function schemaBlock(schema: unknown): Html {
  const reference = text(object(schema)['$ref']).split('/').at(-1);
  if (reference) return html` <a href="#schema-${reference}">${reference}</a>`;
  return html`<pre>${JSON.stringify(schema, null, 2)}</pre>`;
}

function typeOf(schema: Json): string {
  if (Array.isArray(schema['enum'])) return schema['enum'].join(' | ');
  const alternatives = list(schema['anyOf']);
  if (alternatives.length > 0) return alternatives.map(typeOf).join(' | ');
  return [text(schema['type']), text(schema['format'])].filter(Boolean).join(' ');
}

/** `code` in descriptions, as in Markdown. */
const ticks = (description: string): Html[] =>
  description.split('`').map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));

export const docsStyle = `:root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 15%, Canvas); --soft: color-mix(in srgb, CanvasText 5%, Canvas); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif; }
h2 { margin: 2.5rem 0 .5rem; text-transform: capitalize; }
h4 { margin: 1rem 0 .25rem; }
nav { display: flex; flex-wrap: wrap; gap: .75rem; }
details { border: 1px solid var(--line); border-radius: .5rem; margin: .5rem 0; padding: .5rem .75rem; overflow-wrap: anywhere; }
details[open] > summary { margin-bottom: .5rem; }
summary { cursor: pointer; }
summary em { font-size: .8rem; border: 1px solid var(--line); border-radius: 1rem; padding: 0 .5rem; font-style: normal; }
.method { display: inline-block; min-width: 4.2rem; font-weight: 700; }
.get { color: #0a7d3c; } .post { color: #1a5fb4; } .put, .patch { color: #9a5b00; } .delete { color: #b3261e; }
@media (prefers-color-scheme: dark) { .get { color: #5fd28f; } .post { color: #84b6f7; } .put, .patch { color: #f0b860; } .delete { color: #ff9a91; } }
pre { background: var(--soft); border-radius: .5rem; padding: .75rem; overflow: auto; max-height: 30rem; font-size: .85rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top; }
dl { display: grid; grid-template-columns: 4rem 1fr; gap: .25rem .5rem; margin: 0; } dt { font-weight: 700; } dd { margin: 0; min-width: 0; }
`;
