// `npm run dlq -- list|show|replay|discard`: messages that consumers could not process (docs/operate.md).
import { connect } from './dlq/connection.ts';
import { runDlq } from './dlq/run.ts';

process.exitCode = await runDlq(process.argv.slice(2), {
  connect: (data) => connect(process.env, data),
  print: (line) => console.log(line),
  complain: (line) => console.error(line),
});
