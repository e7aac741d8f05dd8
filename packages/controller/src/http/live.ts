// How does an answer go on for as long as there is something to tell?
import { pipeline, type Readable } from 'node:stream'
import { DeisError, followHeader } from '@deis/types'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorize } from '../domain/accounts/access.ts'
import type { Core } from '../domain/core.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { callerOf } from './auth.ts'
import { createPlaces, type PlaceLimits, type Places } from './open-limits.ts'

/** `?follow=1`. HEAD has no body that could go on. */
export function isFollowed(request: FastifyRequest, follow: string | undefined): boolean {
  return request.method === 'GET' && (follow === '1' || follow === 'true')
}

/** Whether what let the request in still holds: the token, the right to the app, and the app itself. */
export function stillAdmitted(core: Core, request: FastifyRequest, app: AppRow): () => Promise<boolean> {
  return async () => {
    try {
      const { caller } = await callerOf(core, request)
      const now = await authorize(core, caller, app.id, 'app')
      return now.uuid === app.uuid
    } catch (error) {
      if (error instanceof DeisError) return false
      throw error
    }
  }
}

/** What logs and builds that are followed keep in memory has an end. */
const followLimits: PlaceLimits = { perUser: 100, perController: 1000 }

export const createFollowPlaces = (): Places => createPlaces('logs', followLimits)

/** The head goes out at once; a client that goes away ends the text, and gives back its place. */
export async function sendLive(reply: FastifyReply, leave: () => void, opened: Promise<Readable>): Promise<void> {
  const text = await opened.catch((error: unknown) => {
    leave()
    throw error
  })
  reply.hijack()
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/plain; charset=utf-8',
    // nginx would keep it until a buffer is full.
    'x-accel-buffering': 'no',
    [followHeader]: '1',
  })
  reply.raw.flushHeaders()
  // Whoever went away is no trouble, and nobody is left to be told of any other.
  pipeline(text, reply.raw, leave)
}
