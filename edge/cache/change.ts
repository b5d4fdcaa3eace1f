// What an unsafe request made out of date, as one cache tells others of its kind.
import { z } from 'zod';

export const Change = z.object({ keys: z.array(z.string()).readonly(), groups: z.array(z.string()).readonly() });
export type Change = z.infer<typeof Change>;
