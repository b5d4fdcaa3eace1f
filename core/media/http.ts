// The REST routes of media: parse, call, answer.
import { type Media, mediaRoutes } from '../../contracts/media.ts';
import { ProblemError } from '../../contracts/problem.ts';
import type { Implement } from '../platform/http/implement.ts';
import { type MediaService, variantUrl } from './service.ts';
import type { MediaRow } from './store.ts';

/** `publicUrl` is where clients reach the edge: uploads to the data folder go through it. */
export function mediaHttp(implement: Implement, service: MediaService, publicUrl: string): void {
  implement(mediaRoutes.createUpload, async ({ identity, body }) => {
    const upload = await service.createUpload(identity.userId, body);
    return {
      body: {
        media_id: upload.id,
        upload_url: new URL(upload.url, publicUrl).href,
        method: 'PUT' as const,
        headers: { ...upload.headers },
        expires_in: upload.expiresInSeconds,
      },
    };
  });
  implement(mediaRoutes.putObject, async ({ params, query, body, raw }) => {
    const contentType = (raw.headers.get('content-type') ?? '').toLowerCase();
    await service.receive(params.id, { ...query, contentType, bytes: body });
    return undefined;
  });
  implement(mediaRoutes.completeUpload, async ({ identity, params }) => {
    const media = await service.complete(identity.userId, params.id);
    if (media.status === 'rejected') {
      const message = media.rejection_reason ?? 'not a picture';
      throw new ProblemError('invalid-field', { detail: message, errors: [{ field: 'file', message }] });
    }
    return { body: toMedia(media) };
  });
  implement(mediaRoutes.getMedia, async ({ identity, params }) => ({
    body: toMedia(await service.read(identity.userId, params.id)),
  }));
  implement(mediaRoutes.getVariant, async ({ params }) => ({
    bytes: await service.variant(params.id, params.variant),
    headers: {
      // What an id names never changes.
      'cache-control': 'public, max-age=31536000, immutable',
      etag: `"${params.id}-${params.variant}"`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'",
      'cross-origin-resource-policy': 'cross-origin',
    },
  }));
}

function toMedia({ id, status, rejection_reason, width, height }: MediaRow): Media {
  const ready = status === 'ready';
  return {
    id,
    status,
    rejection_reason,
    width,
    height,
    url: ready ? variantUrl(id, 'full') : null,
    thumb_url: ready ? variantUrl(id, 'thumb') : null,
  };
}
