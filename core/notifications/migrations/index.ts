// The schema of notifications, in order.
import * as start from './0001-start.ts';
import * as story from './0002-story.ts';
import * as adVersions from './0003-ad-versions.ts';

export const migrations = { '0001-start': start, '0002-story': story, '0003-ad-versions': adVersions };
