// An S3 server with its objects in a folder of ours: S3Proxy, which checks signatures and presigned URLs as S3 does.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AwsClient } from 'aws4fetch';
import { fetchLibraries } from './maven.ts';
import { startDaemon, waitUntilAnswers } from './process.ts';
import type { Place, RunningService } from './state.ts';

const version = '2.6.0';
const accessKeyId = 'lotok';
const bucket = 'lotok';

export async function startS3(
  programs: { readonly java: string; readonly maven: string },
  { folder, port }: Place,
): Promise<RunningService> {
  const home = join(folder, 's3');
  const data = join(home, 'data');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const libraries = fetchLibraries(programs.maven, {
    title: 'S3Proxy',
    name: 's3proxy',
    version,
    // Objects lie in a folder; it could keep them at clouds, too.
    libraries: [{ group: 'org.gaul', artifact: 's3proxy', version, without: ['com.azure', 'com.google.cloud'] }],
  });
  const secret = keptSecret(home);
  const properties = join(home, 's3proxy.properties');
  writeFileSync(properties, settings({ port, secret, data }), { mode: 0o600 });
  const logging = join(home, 'logback.xml');
  writeFileSync(logging, loggingSettings);

  const logFile = join(folder, 's3.log');
  const process = startDaemon({
    command: programs.java,
    args: [
      '-Xmx256m',
      `-Dlogback.configurationFile=${logging}`,
      ...['-cp', join(libraries, '*')],
      'org.gaul.s3proxy.Main',
      ...['--properties', properties],
    ],
    folder: home,
    logFile,
    mark: properties,
  });
  const url = `http://${accessKeyId}:${secret}@127.0.0.1:${port}/${bucket}`;
  await waitUntilAnswers('S3Proxy', () => makeBucket(url), { process, logFile });
  return { url, port, process };
}

/** Makes the bucket of the address where there is none. */
export async function makeBucket(address: string): Promise<void> {
  const status = await ask(address, 'PUT');
  if (status !== 200 && status !== 409) throw new Error(`S3 answered ${status}`);
}

/** Rejects when it does not answer. */
export async function pingS3(address: string): Promise<void> {
  const status = await ask(address, 'HEAD');
  if (status !== 200) throw new Error(`S3 answered ${status}`);
}

async function ask(address: string, method: string): Promise<number> {
  const { username, password, origin, pathname } = new URL(address);
  const client = new AwsClient({
    accessKeyId: decodeURIComponent(username),
    secretAccessKey: decodeURIComponent(password),
    service: 's3',
    region: 'us-east-1',
    retries: 0,
  });
  const response = await client.fetch(origin + pathname, { method, signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.status;
}

function keptSecret(home: string): string {
  const file = join(home, 'secret');
  if (!existsSync(file)) writeFileSync(file, randomBytes(18).toString('hex'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

const settings = ({ port, secret, data }: { port: number; secret: string; data: string }): string => `
s3proxy.endpoint=http://127.0.0.1:${port}
s3proxy.authorization=aws-v4
s3proxy.identity=${accessKeyId}
s3proxy.credential=${secret}
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir=${data}
# Of the provider behind, which asks for none.
jclouds.identity=none
jclouds.credential=none
`;

const loggingSettings = `<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %p %c: %m%n</pattern></encoder>
  </appender>
  <root level="warn"><appender-ref ref="console"/></root>
</configuration>
`;
