// Reading a body that may turn out to be too large to keep.

export type ReadBody =
  | { readonly whole: Uint8Array<ArrayBuffer> }
  /** Larger than the limit: what was read already, followed by what is still to come. */
  | { readonly rest: ReadableStream<Uint8Array<ArrayBuffer>> };

export async function readUpTo(response: Response, limit: number): Promise<ReadBody> {
  const body = response.body as ReadableStream<Uint8Array<ArrayBuffer>> | null;
  if (!body) return { whole: new Uint8Array() };
  const length = Number(response.headers.get('content-length') ?? 0);
  if (length > limit) return { rest: body };
  if (length > 0) return { whole: new Uint8Array(await response.arrayBuffer()) };
  const reader = body.getReader();
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
    if (size > limit) return { rest: continued(chunks, reader) };
  }
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return { whole };
}

function continued(
  chunks: Uint8Array<ArrayBuffer>[],
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const read = chunks.shift();
      if (read) return controller.enqueue(read);
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
