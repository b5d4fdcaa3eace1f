import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{contracts,core,edge,realtime,scripts,tests,deploy}/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
