// Dependencies point one way. Each rule carries its reason.
/** Tests, what they share, and suites that adapters pass. */
const TESTS = '(\\.test|\\.testing|\\.contract|/contract)\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'A cycle can only be understood whole.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'contracts-zod-only',
      severity: 'error',
      comment: 'Contracts run anywhere and are the one thing every part shares.',
      from: { path: '^contracts/', pathNot: [TESTS, '^contracts/generated/'] },
      to: { pathNot: ['^contracts/', '^node_modules/zod/'] },
    },
    {
      name: 'client-runtime-only',
      severity: 'error',
      comment: 'The generated REST client needs its runtime and nothing of ours.',
      from: { path: '^contracts/generated/' },
      to: { pathNot: ['^contracts/generated/', '^node_modules/@oazapfts/runtime/'] },
    },
    {
      name: 'proto-runtime-only',
      severity: 'error',
      comment: 'Generated code needs its runtime and nothing of ours.',
      from: { path: '^proto/' },
      to: { pathNot: ['^proto/', '^node_modules/(@grpc|@bufbuild|protobufjs)/'] },
    },
    {
      name: 'edge-apart',
      severity: 'error',
      comment: 'The edge is deployed apart from core and realtime; contracts are all they share.',
      from: { path: '^edge/', pathNot: TESTS },
      to: { path: '^(core|kafka|realtime|proto|scripts|tests)/' },
    },
    {
      name: 'edge-web-only',
      severity: 'error',
      comment: 'Edge code runs on three runtimes; what one of them lends comes through its entry file.',
      from: { path: '^edge/', pathNot: [TESTS, '^edge/(cache-proxy/)?(node|deno|worker|node-[a-z0-9-]+)\\.ts$'] },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-apart',
      severity: 'error',
      comment: 'Core knows neither its gateway nor the realtime nodes.',
      from: { path: '^core/', pathNot: TESTS },
      to: { path: '^(edge|realtime|scripts|tests)/' },
    },
    {
      name: 'kafka-below',
      severity: 'error',
      comment: 'How Kafka is read is the same in core and realtime, and knows neither.',
      from: { path: '^kafka/', pathNot: TESTS },
      to: { path: '^(contracts|core|edge|proto|realtime|scripts|tests)/' },
    },
    {
      name: 'realtime-apart',
      severity: 'error',
      comment: 'Realtime is deployed apart; contracts and the Kafka consumer are all it shares.',
      from: { path: '^realtime/', pathNot: TESTS },
      to: { path: '^(edge|core|proto|scripts|tests)/' },
    },
    {
      name: 'services-apart',
      severity: 'error',
      comment: 'Services call each other by gRPC or hear each other’s events, never by import.',
      from: {
        path: '^core/(ads|users|search|media|reports|orders|payments|delivery|notifications|chat|sandbox)/',
        pathNot: TESTS,
      },
      to: { path: '^core/(?!platform/)[a-z]+/', pathNot: '^core/$1/' },
    },
    {
      name: 'platform-below',
      severity: 'error',
      comment: 'The platform serves every service and knows none.',
      from: { path: '^core/platform/', pathNot: TESTS },
      to: { path: '^core/(?!platform/)' },
    },
    {
      name: 'not-from-tests',
      severity: 'error',
      comment: 'The product does not lean on its tests.',
      from: { path: '^(contracts|core|edge|kafka|realtime|proto)/', pathNot: TESTS },
      to: { path: '(^tests/|\\.test\\.ts$)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)node_modules/.*/node_modules/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
