// Run before each test file: a timer set to the past fails the run. kafkajs does that (see `kafka/client.ts`), and its
// connections then wake a thousand times a second.
process.on('warning', (warning) => {
  if (warning.name === 'TimeoutNegativeWarning') throw warning;
});
