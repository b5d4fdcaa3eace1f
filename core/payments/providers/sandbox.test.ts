import { providerContract } from './contract.testing.ts';

providerContract({
  name: 'sandbox',
  config: () => ({}),
  forged: ({ headers, body }) => ({ headers: { ...headers, 'x-signature': 't=1,v1=00' }, body }),
});
