// GraphQL over HTTP: what a request names. The schema is the edge's (edge/graphql/types.ts).
import { z } from 'zod';

const hash = z.string().regex(/^(sha256:)?[0-9a-f]{64}$/, 'must be the SHA-256 of a document in hexadecimal');

export const GraphqlFields = z.strictObject({
  query: z.string().min(1).max(30_000).optional().meta({ description: 'The document' }),
  documentId: hash.optional().meta({ description: 'Instead of the document, where it is one of the app’s own' }),
  operationName: z.string().max(200).nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z
    .looseObject({ persistedQuery: z.looseObject({ sha256Hash: hash }).optional() })
    .nullish()
    .meta({ description: '`persistedQuery.sha256Hash` is what Apollo’s clients say instead of `documentId`' }),
});

export const GraphqlRequest = GraphqlFields.refine(
  ({ query, documentId, extensions }) => query ?? documentId ?? extensions?.persistedQuery,
  {
    path: ['query'],
    message: 'name a document: query or documentId',
  },
).meta({
  id: 'GraphqlRequest',
  anyOf: [
    { required: ['query'] },
    { required: ['documentId'] },
    { required: ['extensions'], properties: { extensions: { type: 'object', required: ['persistedQuery'] } } },
  ],
});
export type GraphqlRequest = z.infer<typeof GraphqlRequest>;

/** Names that the query of `GET /graphql` gives a meaning. */
export const graphqlParameters = ['query', 'documentId', 'operationName', 'variables', 'extensions'] as const;
