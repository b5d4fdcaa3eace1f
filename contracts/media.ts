// Media: upload straight to object storage, variants made from what was uploaded.
import { z } from 'zod';
import { MediaId } from './common.ts';
import { route } from './route.ts';

export const mediaTypes = ['image/jpeg', 'image/png', 'image/webp'] as const;
export const maxUploadBytes = 10 * 1024 * 1024;
export const variants = ['thumb', 'card', 'full'] as const;

export const NewUpload = z
  .strictObject({
    content_type: z.enum(mediaTypes),
    size: z.int().min(1).max(maxUploadBytes).meta({ description: 'Bytes' }),
  })
  .meta({ id: 'NewUpload' });
export const Upload = z
  .object({
    media_id: MediaId,
    upload_url: z.string(),
    method: z.literal('PUT'),
    headers: z.record(z.string(), z.string()),
    expires_in: z.int().meta({ description: 'Seconds' }),
  })
  .meta({ id: 'Upload' });
export const Media = z
  .object({
    id: MediaId,
    status: z.enum(['awaiting_upload', 'ready', 'rejected']),
    rejection_reason: z.string().nullable(),
    width: z.int().nullable(),
    height: z.int().nullable(),
    url: z.string().nullable(),
    thumb_url: z.string().nullable(),
  })
  .meta({ id: 'Media' });
export type Media = z.infer<typeof Media>;

const byId = z.object({ id: MediaId });

export const mediaRoutes = {
  createUpload: route({
    id: 'createUpload',
    service: 'media',
    method: 'POST',
    path: '/v1/media/uploads',
    summary: 'Ask for a URL to upload a picture to',
    auth: 'user',
    body: NewUpload,
    success: { status: 201, body: Upload },
    problems: ['invalid-field'],
  }),
  putObject: route({
    id: 'putObject',
    service: 'media',
    method: 'PUT',
    path: '/v1/media/objects/{id}',
    summary: 'Upload to the data folder by a signed URL (embedded object store only)',
    auth: 'signed',
    params: byId,
    query: z.object({ expires: z.coerce.number().int(), signature: z.string().min(1).max(200) }),
    rawBody: true,
    bodyLimit: maxUploadBytes,
    success: { status: 204 },
    problems: ['invalid-signature', 'content-too-large', 'unsupported-media-type'],
  }),
  completeUpload: route({
    id: 'completeUpload',
    service: 'media',
    method: 'POST',
    path: '/v1/media/{id}/complete',
    summary: 'Say that the upload is done; checks it and makes the variants',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Media },
    problems: ['not-found', 'conflict', 'invalid-field'],
  }),
  getMedia: route({
    id: 'getMedia',
    service: 'media',
    method: 'GET',
    path: '/v1/media/{id}',
    summary: 'State of an upload of yours',
    auth: 'user',
    params: byId,
    success: { status: 200, body: Media },
    problems: ['not-found'],
  }),
  getVariant: route({
    id: 'getVariant',
    service: 'media',
    method: 'GET',
    path: '/media/{id}/{variant}.webp',
    summary: 'A picture in one of its sizes',
    auth: 'public',
    params: z.object({ id: MediaId, variant: z.enum(variants) }),
    success: { status: 200, contentType: 'image/webp' },
    problems: ['not-found'],
  }),
};
