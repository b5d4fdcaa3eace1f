// GraphQL documents as they are asked for: by text, or by the hash of one of the app's own (trusted documents).
import { type DocumentNode, type GraphQLSchema, getOperationAST, type OperationTypeNode, parse } from 'graphql';
import { createGraphQLError } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import { maxTokens } from './limits.ts';
import type { GraphqlParams } from './params.ts';
import { hintedMaxAge } from './sharing.ts';

export interface Documents {
  /** Throws a GraphQL error for a hash that nobody knows, and for text where only trusted documents count. */
  find(params: GraphqlParams): FoundDocument;
  /** Throws a syntax error. */
  parse(text: string): DocumentNode;
  /** Null for what can't be parsed, or has no such operation. */
  operationOf(text: string, operationName: string | undefined): OperationTypeNode | null;
  /** Seconds; null for what is never shared. */
  sharedFor(text: string): number | null;
}

export interface FoundDocument {
  readonly text: string;
  readonly trusted: boolean;
}

export interface DocumentsOptions {
  readonly schema: GraphQLSchema;
  /** By their SHA-256 in hexadecimal. */
  readonly trusted: Readonly<Record<string, string>>;
  readonly trustedOnly: boolean;
}

interface Known {
  readonly document: DocumentNode | { readonly error: unknown };
  readonly sharedFor: number | null;
}

const keptCharacters = 1024 * 1024;

export function createDocuments({ schema, trusted, trustedOnly }: DocumentsOptions): Documents {
  const known = new LRUCache<string, Known>({
    max: 1_000,
    maxSize: keptCharacters,
    sizeCalculation: (_, text) => text.length + 1,
  });

  function look(text: string): Known {
    const before = known.get(text);
    if (before) return before;
    let found: Known;
    try {
      const document = parse(text, { maxTokens });
      found = { document, sharedFor: hintedMaxAge(schema, document) };
    } catch (error) {
      found = { document: { error }, sharedFor: null };
    }
    known.set(text, found);
    return found;
  }

  return {
    find({ query, documentId }) {
      const text = documentId !== undefined && Object.hasOwn(trusted, documentId) ? trusted[documentId] : undefined;
      if (text !== undefined) return { text, trusted: true };
      if (trustedOnly && documentId === undefined) throw refused('PersistedQueryOnly', 'PERSISTED_QUERY_ONLY', 400);
      if (query !== undefined && !trustedOnly) return { text: query, trusted: false };
      throw refused('PersistedQueryNotFound', 'PERSISTED_QUERY_NOT_FOUND', 404);
    },
    parse(text) {
      const { document } = look(text);
      if ('error' in document) throw document.error;
      return document;
    },
    operationOf(text, operationName) {
      const { document } = look(text);
      return 'error' in document ? null : (getOperationAST(document, operationName)?.operation ?? null);
    },
    sharedFor: (text) => look(text).sharedFor,
  };
}

/** The messages are those that Apollo's clients know. */
const refused = (message: string, code: string, status: number) =>
  createGraphQLError(message, { extensions: { code, status, http: { status } } });
