// A gRPC service's definition as generated code gives it, and the types that follow from it.

export interface RpcMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}
export type RpcDefinition = Readonly<Record<string, RpcMethod>>;

export type RequestOf<Method extends RpcMethod> = ReturnType<Method['requestDeserialize']>;
export type ResponseOf<Method extends RpcMethod> = ReturnType<Method['responseDeserialize']>;

/** What only reads may be sent twice without harm; everything else needs an idempotency key for that. */
export const readsOnly = (method: string): boolean => /^(get|list|find|watch|check|quote)/.test(method);

/** `lotok.payments.v1.PaymentsService` and `Capture` of a method's path. */
export function pathParts(method: Pick<RpcMethod, 'path'>): { readonly service: string; readonly method: string } {
  const [, service = '', name = ''] = method.path.split('/');
  return { service, method: name };
}

/** The name that a service's certificate has to carry. */
export const hostnameOf = (service: string): string => `${service}.lotok.internal`;

export const idempotencyKeyHeader = 'idempotency-key';
/** The longest key that is taken, so that keys can't be used to fill tables and metadata. */
export const longestIdempotencyKey = 200;
/** Says which of its certificate's names the caller acts as; trusted only when the certificate has it. */
export const callerHeader = 'lotok-caller';
