// How does an answer continue for as long as there is more to send?
import { pipeline, type Readable } from 'node:stream'
import { DeisError, followHeader } from '@deis/types'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { authorize } from '../domain/accounts/access.ts'
import type { Core } from '../domain/core.ts'
import type { AppRow } from '../domain/apps/rows.ts'
import { callerOf } from './auth.ts'
import { createSlots, type SlotLimits, type Slots } from './slots.ts'

/** `?follow=1`. HEAD has no body that could go on. */
export function isFollowed(request: FastifyRequest, follow: string | undefined): boolean {
  return request.method === 'GET' && (follow === '1' || follow === 'true')
}

/** Whether the request would still be allowed: by its token, the user's role, and the app itself. */
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

/** Bounds what followed logs and builds keep in memory. */
const followLimits: SlotLimits = { perUser: 100, perController: 1000 }

export const createFollowSlots = (): Slots => createSlots('logs', followLimits)

/** The head goes out at once; a client that goes away ends the text, and gives back its slot. */
export async function sendLive(reply: FastifyReply, release: () => void, opened: Promise<Readable>): Promise<void> {
  const text = await opened.catch((error: unknown) => {
    release()
    throw error
  })
  reply.hijack()
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/plain; charset=utf-8',
    // nginx would hold it back until a buffer is full.
    'x-accel-buffering': 'no',
    [followHeader]: '1',
  })
  reply.raw.flushHeaders()
  // A client that disconnected is not an error, and no other error can be sent to it.
  pipeline(text, reply.raw, release)
}
