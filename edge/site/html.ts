// A piece of HTML in which everything that was filled in is escaped.
import type { html } from 'hono/html';

export type Html = ReturnType<typeof html>;
