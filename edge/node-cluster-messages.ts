// What the supervisor of a cluster and its workers say to each other.
import { z } from 'zod';

const sibling = z.object({ kind: z.literal('sibling'), message: z.unknown() });

export const FromWorker = z.discriminatedUnion('kind', [
  sibling,
  z.object({ kind: z.literal('ready'), url: z.string(), port: z.int() }),
]);
export type FromWorker = z.infer<typeof FromWorker>;

export const FromSupervisor = z.discriminatedUnion('kind', [sibling, z.object({ kind: z.literal('leave') })]);
export type FromSupervisor = z.infer<typeof FromSupervisor>;
