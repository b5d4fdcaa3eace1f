// Whether and how long a GraphQL answer may be shared: by the schema's hints, and by what the answer is made of.
import {
  type DocumentNode,
  type GraphQLSchema,
  getDirectiveValues,
  OperationTypeNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { parseStrings, serializeStrings } from '../cache/structured-fields.ts';

/** By the hints of all fields that a document names, in seconds; null: never. */
export function hintedMaxAge(schema: GraphQLSchema, document: DocumentNode): number | null {
  const directive = schema.getDirective('cacheControl');
  const root = schema.getQueryType();
  if (!directive || !root) return null;
  let least = Number.POSITIVE_INFINITY;
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      OperationDefinition({ operation }) {
        if (operation !== OperationTypeNode.QUERY) least = 0;
      },
      Field() {
        const node = types.getFieldDef()?.astNode;
        const hint = node && (getDirectiveValues(directive, node) as { maxAge: number; scope: string } | undefined);
        if (hint) least = Math.min(least, hint.scope === 'PRIVATE' ? 0 : hint.maxAge);
        // A screen that says nothing is not shared; `__typename` and its kin change with a deployment only.
        else if (node && types.getParentType() === root) least = 0;
      },
    }),
  );
  return least > 0 && Number.isFinite(least) ? least : null;
}

/** What core's answers say of the whole that is made from them. */
export class Ingredients {
  readonly #groups = new Set<string>();
  #secondsLeft = Number.POSITIVE_INFINITY;
  #shared = true;

  add({ headers }: Response): void {
    const groups = parseStrings(headers.get('cache-groups') ?? '');
    // Without groups no change would be heard of.
    if (!groups?.length || /no-store|private/.test(headers.get('cache-control') ?? '')) this.#shared = false;
    for (const group of groups ?? []) this.#groups.add(group);
    const ttl = /(?:^|[;\s])hit\b.*?;\s*ttl=(-?\d+)/.exec(headers.get('cache-status') ?? '')?.[1];
    if (ttl !== undefined) this.#secondsLeft = Math.min(this.#secondsLeft, Number(ttl));
  }

  /** One of them is somebody's own, or failed. */
  spoil(): void {
    this.#shared = false;
  }

  /** Header fields by which the edge's cache keeps the whole, as it keeps core's answers; null when it must not. */
  cacheHeaders(hintedSeconds: number): Record<string, string> | null {
    const seconds = Math.min(hintedSeconds, this.#secondsLeft);
    if (!this.#shared || seconds <= 0 || this.#groups.size === 0) return null;
    return {
      'cache-control': 'public, max-age=5, stale-while-revalidate=30',
      'cdn-cache-control': `max-age=${seconds}, stale-while-revalidate=60, stale-if-error=86400`,
      'cache-groups': serializeStrings([...this.#groups].sort()),
    };
  }
}
