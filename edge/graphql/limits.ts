// What a GraphQL document may cost: its depth, its aliases, its fields, its tokens.
import { GraphQLError, Kind, type SelectionSetNode, type ValidationContext, type ValidationRule, visit } from 'graphql';

export const maxTokens = 1_000;
const maxDepth = 8;
const maxAliases = 15;
/** Counted after fragments are spread, so that fragments can't multiply work unseen. */
const maxFields = 400;

export const costLimits: ValidationRule = (context) => ({
  Document: {
    leave(document) {
      let aliases = 0;
      visit(document, {
        Field(field) {
          if (field.alias) aliases += 1;
        },
      });
      if (aliases > maxAliases) context.reportError(refused(`At most ${maxAliases} aliases`));
      for (const definition of document.definitions) {
        if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
        const budget = { fields: maxFields };
        const depth = depthOf(definition.selectionSet, context, budget, new Set());
        if (depth > maxDepth) context.reportError(refused(`At most ${maxDepth} levels`));
        if (budget.fields < 0) context.reportError(refused(`At most ${maxFields} fields`));
      }
    },
  },
});

function depthOf(
  set: SelectionSetNode,
  context: ValidationContext,
  budget: { fields: number },
  within: ReadonlySet<string>,
): number {
  let deepest = 0;
  for (const selection of set.selections) {
    if (budget.fields < 0 || deepest > maxDepth) return deepest;
    if (selection.kind === Kind.FIELD) {
      budget.fields -= 1;
      const below = selection.selectionSet ? depthOf(selection.selectionSet, context, budget, within) : 0;
      deepest = Math.max(deepest, 1 + below);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      deepest = Math.max(deepest, depthOf(selection.selectionSet, context, budget, within));
    } else {
      const name = selection.name.value;
      const fragment = context.getFragment(name);
      // A fragment within itself is an error of its own, found by another rule.
      if (fragment && !within.has(name))
        deepest = Math.max(deepest, depthOf(fragment.selectionSet, context, budget, new Set([...within, name])));
    }
  }
  return deepest;
}

const refused = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COSTLY', http: { status: 400 } } });
