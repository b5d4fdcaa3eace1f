// Where the real services are that tests may use, and what becomes of tests whose service is missing.
import { describe, it } from 'vitest';
import { findServices, type ServiceName, titles, variables } from '../scripts/services/state.ts';

/** Addresses of the services that are there: see `findServices`. */
export const services = (): Partial<Record<ServiceName, string>> => findServices(process.env);

/**
 * A `describe` whose tests need a real service; `tests` gets its address.
 * Without the service it is skipped and says so. With `CI` set it fails: there nothing may be left out unseen.
 *
 * ```ts
 * describeWith('redis', 'history in Redis', (url) => {
 *   it('keeps what was written', async () => { … });
 * });
 * ```
 */
export function describeWith(service: ServiceName, title: string, tests: (address: string) => void): void {
  const address = services()[service];
  if (address !== undefined) {
    describe(title, () => tests(address));
    return;
  }
  const reason = `needs ${titles[service]}: set ${variables[service]} or run \`npm run services\``;
  describe(title, () => {
    if (inCI()) {
      it(reason, () => {
        throw new Error(`${titles[service]} is missing, and in CI nothing may be left out`);
      });
    } else it.skip(reason, () => {});
  });
}

/** There nothing may be left out unseen. */
export const inCI = (): boolean => isSet(process.env['CI']);

const isSet = (value: string | undefined): boolean => value !== undefined && !['', '0', 'false'].includes(value);
