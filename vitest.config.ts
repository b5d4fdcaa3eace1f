import { defineConfig } from 'vitest/config';
import { findServices } from './scripts/services/state.ts';

const { postgres } = findServices(process.env);

export default defineConfig({
  // Vite would take the `module` entry and graphql-yoga, which Node loads, the `main` one: two copies that refuse each other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 90_000,
    setupFiles: ['tests/warnings.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'embedded', include: ['{contracts,core,edge,kafka,realtime,scripts,tests,deploy}/**/*.test.ts'] },
      },
      // What a service does to its database is asked of both databases, where the real one is there.
      ...(postgres
        ? [
            {
              extends: true as const,
              test: {
                name: 'PostgreSQL',
                include: [
                  'core/{ads,chat,delivery,media,notifications,orders,payments,reports,sandbox,search,users}/**/*.test.ts',
                  'core/platform/db/**/*.test.ts',
                ],
                exclude: ['core/orders/{saga,decide,answers}.test.ts', 'core/orders/simulation/*.test.ts'],
                env: { TEST_DATABASE: 'postgres', DATABASE_URL: postgres },
              },
            },
          ]
        : []),
    ],
  },
});
