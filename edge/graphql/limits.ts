// What a GraphQL document may cost: its tokens, depth, aliases, fields, and how many values its answer can have.
import {
  type FieldNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
  visit,
} from 'graphql';

export const maxTokens = 1_500;
const maxDepth = 8;
const maxAliases = 15;
/** Counted after fragments are spread, so that fragments can't multiply work unseen. */
const maxFields = 600;
/** Values in the answer, when every list is as long as it was asked to be. */
const maxCost = 10_000;
/** Calls of core for one request, whatever it says; where the number depends on data. */
export const maxCalls = 20;

export const tooCostly = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'QUERY_TOO_COSTLY', http: { status: 400 } } });

/** `maxFirst` is what an argument `first` is at most: its worth where a variable gives it. */
export const costLimits =
  (maxFirst: number): ValidationRule =>
  (context) => ({
    Document: {
      leave(document) {
        let aliases = 0;
        visit(document, {
          Field(field) {
            if (field.alias) aliases += 1;
          },
        });
        if (aliases > maxAliases) context.reportError(tooCostly(`At most ${maxAliases} aliases`));
        for (const definition of document.definitions) {
          if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
          const root = context.getSchema().getRootType(definition.operation) ?? undefined;
          const meter = { context, maxFirst, fields: maxFields };
          const { depth, cost } = measure(definition.selectionSet, root, meter, new Set());
          if (depth > maxDepth) context.reportError(tooCostly(`At most ${maxDepth} levels`));
          if (meter.fields < 0) context.reportError(tooCostly(`At most ${maxFields} fields`));
          else if (cost > maxCost) context.reportError(tooCostly(`At most ${maxCost} values; ask for fewer at once`));
        }
      },
    },
  });

interface Meter {
  readonly context: ValidationContext;
  readonly maxFirst: number;
  /** Left. */
  fields: number;
}
interface Size {
  readonly depth: number;
  readonly cost: number;
}

function measure(
  set: SelectionSetNode,
  type: GraphQLNamedType | undefined,
  meter: Meter,
  within: ReadonlySet<string>,
): Size {
  let depth = 0;
  let cost = 0;
  const count = (size: Size): void => {
    depth = Math.max(depth, size.depth);
    cost += size.cost;
  };
  for (const selection of set.selections) {
    if (meter.fields < 0 || depth > maxDepth) break;
    if (selection.kind === Kind.FIELD) {
      meter.fields -= 1;
      const field = fieldOf(type, selection.name.value);
      const below = selection.selectionSet
        ? measure(selection.selectionSet, field && getNamedType(field.type), meter, within)
        : { depth: 0, cost: 0 };
      count({ depth: 1 + below.depth, cost: 1 + below.cost * lengthOf(selection, field, meter.maxFirst) });
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      const condition = selection.typeCondition?.name.value;
      const narrowed = condition === undefined ? type : meter.context.getSchema().getType(condition);
      count(measure(selection.selectionSet, narrowed, meter, within));
    } else {
      const name = selection.name.value;
      const fragment = meter.context.getFragment(name);
      // A fragment within itself is an error of its own, found by another rule.
      if (!fragment || within.has(name)) continue;
      const narrowed = meter.context.getSchema().getType(fragment.typeCondition.name.value);
      count(measure(fragment.selectionSet, narrowed, meter, new Set([...within, name])));
    }
  }
  return { depth, cost };
}

const fieldOf = (type: GraphQLNamedType | undefined, name: string): GraphQLField<unknown, unknown> | undefined =>
  isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;

/** How long the list is that a field asks for by `first`. */
function lengthOf(node: FieldNode, field: GraphQLField<unknown, unknown> | undefined, maxFirst: number): number {
  const argument = field?.args.find(({ name }) => name === 'first');
  if (!argument) return 1;
  const given = node.arguments?.find(({ name }) => name.value === 'first')?.value;
  if (given?.kind === Kind.INT) return Math.max(1, Number(given.value));
  return given ? maxFirst : Number(argument.defaultValue ?? maxFirst);
}
