// A request over a connection of its own: processes behind one address share connections, not requests.
import { request } from 'node:http';

export interface Got {
  readonly status: number | undefined;
  readonly cacheStatus: string;
  readonly body: string;
}

export const getAlone = (url: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> =>
  new Promise((resolve, reject) => {
    request(url, { agent: false, headers: { ...headers, connection: 'close' } }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('error', reject).on('end', () =>
        resolve({
          status: response.statusCode,
          cacheStatus: String(response.headers['cache-status']),
          body,
        }),
      );
    })
      .on('error', reject)
      .end();
  });
