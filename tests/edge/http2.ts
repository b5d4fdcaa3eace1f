// A client that speaks HTTP/2 and nothing else.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type IncomingHttpHeaders } from 'node:http2';

export interface Http2Client extends AsyncDisposable {
  /** What was agreed on in the TLS handshake. */
  readonly protocol: string | undefined;
  read(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly headers: IncomingHttpHeaders; readonly body: string }>;
}

export async function readOverHttp2(url: string, certFile: string): Promise<Http2Client> {
  const session = connect(url, { ca: await readFile(certFile) });
  await once(session, 'connect');
  return {
    protocol: session.alpnProtocol,
    read: (path, headers = {}) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': path, ...headers });
        let received: IncomingHttpHeaders = {};
        let body = '';
        stream.on('response', (got) => {
          received = got;
        });
        stream.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        stream.on('end', () => resolve({ headers: received, body }));
        stream.on('error', reject);
      }),
    async [Symbol.asyncDispose]() {
      session.close();
      await once(session, 'close');
    },
  };
}
