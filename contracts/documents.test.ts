import { describe, expect, it } from 'vitest';
import { asyncApi } from './asyncapi.ts';
import { eventTypes } from './events.ts';
import { openApi } from './openapi.ts';
import type { RouteSpec } from './route.ts';
import { routes } from './routes.ts';

type Json = Record<string, unknown>;
const at = (document: unknown, pointer: string): unknown =>
  pointer
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((node, key) => (node as Json | undefined)?.[key.replaceAll('~1', '/')], document);
const references = (document: unknown): string[] =>
  [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');

describe('the OpenAPI document', () => {
  const document = openApi('https://lotok.example');

  it('has every route, with its parameters', () => {
    for (const { path, method, id, params } of Object.values<RouteSpec>(routes)) {
      const operation = (document['paths'] as Record<string, Json>)[path]?.[method.toLowerCase()] as {
        operationId: string;
        parameters: { name: string; in: string; required: boolean }[];
      };
      expect(operation.operationId).toBe(id);
      expect(operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual(
        Object.keys(params?.shape ?? {}),
      );
      expect([...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])).toEqual(Object.keys(params?.shape ?? {}));
    }
  });

  it('refers to nothing that is not there, and defines nothing that is not used', () => {
    const used = references(document);
    for (const reference of used) expect(at(document, reference), reference).toBeTypeOf('object');
    const unused = Object.keys((document['components'] as { schemas: Json }).schemas).filter(
      (name) => !used.includes(`#/components/schemas/${name}`),
    );
    expect(unused).toEqual([]);
  });

  it('gives each operation a name of its own', () => {
    const names = Object.values(document['paths'] as Record<string, Record<string, { operationId: string }>>).flatMap(
      (methods) => Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('the AsyncAPI document', () => {
  const document = asyncApi('https://lotok.example');

  it('has every event on its topic', () => {
    for (const [type, { topic }] of Object.entries(eventTypes))
      expect(at(document, `#/channels/${topic}/messages/${type}`)).toBeTypeOf('object');
    expect(Object.keys((document['channels'] as Json & { stream: { messages: Json } }).stream.messages)).toContain(
      'order.status',
    );
  });

  it('refers to nothing that is not there', () => {
    for (const reference of references(document)) expect(at(document, reference), reference).toBeTypeOf('object');
  });
});
