// Do registries that ask, redirect, fail or lie get what they may have and nothing more, and is the user told why?
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createRegistry } from './create.ts'
import { mediaTypes } from './documents.ts'
import { type Credentials, ImageError, type RegistrySettings } from '@deis/ports/registry'

const never = new AbortController().signal
const ann: Credentials = { username: 'ann', password: 's3cret' }
const annBasic = `Basic ${Buffer.from('ann:s3cret').toString('base64')}`
const sha = (bytes: string | Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const open: Server[] = []
afterEach(async () => {
  for (const server of open.splice(0)) {
    if ('closeAllConnections' in server) (server as ReturnType<typeof createServer>).closeAllConnections()
    server.close()
    await once(server, 'close')
  }
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** What was asked, as `METHOD /path AUTHORIZATION`. */
type Fake = { readonly host: string; readonly asked: string[] }

async function listen(server: Server): Promise<string> {
  open.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function serve(handler: Handler): Promise<Fake> {
  const asked: string[] = []
  const host = await listen(
    createServer((request, response) => {
      const { method, url, headers } = request
      asked.push(`${method} ${url}${headers.authorization === undefined ? '' : ` ${headers.authorization}`}`)
      request.resume()
      handler(request, response)
    }),
  )
  return { host, asked }
}

const amd64 = { architecture: 'x64' }
const client = (settings: Partial<RegistrySettings>) =>
  createRegistry({ insecure: [], mirrors: {}, credentials: {}, ...settings }, amd64)

const config = JSON.stringify({
  architecture: 'amd64',
  os: 'linux',
  config: { ExposedPorts: { '8080/tcp': {}, '443/tcp': {} }, Entrypoint: ['/go'], User: '7', Labels: { a: 'b' } },
  rootfs: { type: 'layers', diff_ids: [] },
})
const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { mediaType: mediaTypes.ociConfig, digest: sha(config), size: config.length },
  layers: [],
})
const facts = (name: string) => ({
  reference: `${name}@${sha(manifest)}`,
  digest: sha(manifest),
  ports: [443, 8080],
  entrypoint: ['/go'],
  cmd: [],
  user: '7',
  env: [],
  workingDir: '',
  labels: { a: 'b' },
})

const json = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

/** A registry with one image, under any tag. */
const image: Handler = ({ url = '' }, response) => {
  if (url.includes('/blobs/')) response.end(config)
  else response.writeHead(200, { 'content-type': mediaTypes.ociManifest }).end(manifest)
}

async function failure(work: Promise<unknown>): Promise<ImageError> {
  const error = await work.then(
    () => null,
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(ImageError)
  return error as ImageError
}

describe('tokens', () => {
  /** A registry and its token server, which gives `token` with every token it has given so far. */
  const bearer = async (validFor: { seconds?: number } = {}) => {
    let given = 0
    const auth = await serve((request, response) => {
      if (request.headers.authorization !== undefined && request.headers.authorization !== annBasic)
        return json(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'wrong password' }] })
      json(response, 200, { token: `t${++given}`, expires_in: validFor.seconds ?? 300 })
    })
    const registry = await serve((request, response) => {
      if (request.headers.authorization === `Bearer t${given}`) return image(request, response)
      json(
        response,
        401,
        { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
        {
          'www-authenticate': `Bearer realm="http://${auth.host}/token",service="fake",scope="repository:team/app:pull"`,
        },
      )
    })
    return { auth, registry, settings: { insecure: [registry.host] } }
  }

  test('are asked for once, with the user’s credentials and the right scope, and sent again', async () => {
    const { auth, registry, settings } = await bearer()
    const it = client(settings)
    const name = `${registry.host}/team/app`
    expect(await it.inspect(`${name}:1`, ann, never)).toEqual(facts(name))
    await it.inspect(`${name}:1`, ann, never)
    expect(auth.asked).toEqual([`GET /token?service=fake&scope=repository%3Ateam%2Fapp%3Apull ${annBasic}`])
    expect(registry.asked).toEqual([
      'GET /v2/team/app/manifests/1',
      'GET /v2/team/app/manifests/1 Bearer t1',
      `GET /v2/team/app/blobs/${sha(config)} Bearer t1`,
      'GET /v2/team/app/manifests/1 Bearer t1',
      `GET /v2/team/app/blobs/${sha(config)} Bearer t1`,
    ])
  })

  test('of one user are not another’s', async () => {
    const { auth, registry, settings } = await bearer()
    const it = client(settings)
    await it.inspect(`${registry.host}/team/app:1`, ann, never)
    await it.inspect(`${registry.host}/team/app:1`, null, never)
    expect(auth.asked).toHaveLength(2)
    expect(auth.asked[1]).not.toContain('Basic')
  })

  test('that have run out are renewed', async () => {
    const { auth, registry, settings } = await bearer({ seconds: 1 })
    await client(settings).inspect(`${registry.host}/team/app:1`, null, never)
    expect(auth.asked).toHaveLength(2)
  })

  test('are not to be had with a wrong password, and the user is told', async () => {
    const { registry, settings } = await bearer()
    const error = await failure(
      client(settings).inspect(`${registry.host}/team/app:1`, { username: 'ann', password: 'x' }, never),
    )
    expect(error.message).toBe(
      `Permission Denied attempting to pull image ${registry.host}/team/app:1: ${registry.host} refuses the credentials it was given for ${registry.host}/team/app:1 (UNAUTHORIZED wrong password)`,
    )
    expect(error.hint).toContain('deis registry:set')
  })

  test.each([
    ['no JSON', 'hello'],
    ['no token', '{}'],
    ['a token with a line break', JSON.stringify({ token: 'a\r\nX: y' })],
  ])('%s is not a token', async (_name, body) => {
    const auth = await serve((_, response) => response.end(body))
    const registry = await serve((_, response) =>
      json(response, 401, {}, { 'www-authenticate': `Bearer realm="http://${auth.host}/"` }),
    )
    const error = await failure(client({ insecure: [registry.host] }).inspect(`${registry.host}/x`, null, never))
    expect(error.message).toContain('gives no token')
  })
})

describe('credentials', () => {
  const locked: Handler = (request, response) => {
    if (request.headers.authorization === annBasic) image(request, response)
    else json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' })
  }

  test('are only sent when asked for', async () => {
    const registry = await serve(image)
    await client({ insecure: [registry.host] }).inspect(`${registry.host}/x`, ann, never)
    expect(registry.asked.join()).not.toContain('Basic')
  })

  test('of the operator are used where an app has none', async () => {
    const registry = await serve(locked)
    const it = client({ insecure: [registry.host], credentials: { [registry.host]: ann } })
    expect((await it.inspect(`${registry.host}/x`, null, never)).user).toBe('7')
  })

  test('stay with the registry when it sends us to its storage', async () => {
    const storage = await serve((_, response) => response.end(config))
    const registry = await serve((request, response) => {
      if (request.headers.authorization === annBasic && request.url?.includes('/blobs/'))
        response.writeHead(307, { location: `http://${storage.host}/bucket/it?signature=1` }).end()
      else locked(request, response)
    })
    await client({ insecure: [registry.host] }).inspect(`${registry.host}/x`, ann, never)
    expect(storage.asked).toEqual(['GET /bucket/it?signature=1'])
  })

  test('of an image are not for the mirror of its registry', async () => {
    const mirror = await serve((_, response) => json(response, 404, { errors: [{ code: 'NAME_UNKNOWN' }] }))
    const registry = await serve(locked)
    const it = client({
      insecure: [mirror.host, registry.host],
      mirrors: { [registry.host]: `${mirror.host}/hub/` },
    })
    const found = await it.inspect(`${registry.host}/team/x:1`, ann, never)
    expect(found.reference).toMatch(`${registry.host}/team/x@`)
    expect(mirror.asked).toEqual(['GET /v2/hub/team/x/manifests/1'])
  })

  test('that are missing are asked for', async () => {
    const registry = await serve(locked)
    const error = await failure(client({ insecure: [registry.host] }).inspect(`${registry.host}/x`, null, never))
    expect(error.message).toContain(`${registry.host}/x:latest does not exist or is private`)
    expect(error.hint).toContain('deis registry:set')
  })

  test('that are refused once are not sent again', async () => {
    const registry = await serve((_, response) => json(response, 401, {}, { 'www-authenticate': 'Basic realm="x"' }))
    await failure(client({ insecure: [registry.host] }).inspect(`${registry.host}/x`, ann, never))
    expect(registry.asked).toHaveLength(2)
  })
})

describe('mirrors', () => {
  test('are asked first, and name the image', async () => {
    const mirror = await serve(image)
    const it = client({ insecure: [mirror.host], mirrors: { 'docker.io': `${mirror.host}/hub` } })
    expect(await it.inspect('busybox:1', null, never)).toEqual(facts(`${mirror.host}/hub/library/busybox`))
    expect(mirror.asked[0]).toBe('GET /v2/hub/library/busybox/manifests/1')
  })

  test('that fail as well as the registry are told with it', async () => {
    const empty: Handler = (_, response) => json(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] })
    const [mirror, registry] = await Promise.all([serve(empty), serve(empty)])
    const it = client({ insecure: [mirror.host, registry.host], mirrors: { [registry.host]: mirror.host } })
    expect((await failure(it.inspect(`${registry.host}/x:1`, null, never))).message).toBe(
      `image ${registry.host}/x:1 not found on ${registry.host}; its mirror: image ${mirror.host}/x:1 not found on ${mirror.host}`,
    )
  })
})

describe('failures', () => {
  const inspected = async (handler: Handler, image = 'x:1'): Promise<ImageError> => {
    const { host } = await serve(handler)
    const error = await failure(client({ insecure: [host] }).inspect(`${host}/${image}`, null, never))
    return new ImageError(error.message.replaceAll(host, 'HOST'), error.hint.replaceAll(host, 'HOST'))
  }
  const answers =
    (status: number, code: string, message = ''): Handler =>
    (_, response) =>
      json(response, status, { errors: [{ code, message }] })

  test.each([
    [
      'a repository that is not there',
      answers(404, 'NAME_UNKNOWN'),
      'image HOST/x:1 not found: HOST has no such repository',
    ],
    ['a tag that is not there', answers(404, 'MANIFEST_UNKNOWN'), 'image HOST/x:1 not found on HOST'],
    [
      'no right',
      answers(403, 'DENIED', 'no\naccess'),
      'Permission Denied attempting to pull image HOST/x:1: HOST/x:1 does not exist or is private: HOST asks for credentials (DENIED no access)',
    ],
    [
      'no registry',
      ((_, r) => r.writeHead(418).end('secret')) satisfies Handler,
      'HOST does not read HOST/x:1: the answer was 418',
    ],
    [
      'what is not a manifest',
      ((_, r) => r.end('<html>')) satisfies Handler,
      'HOST/x:1 is not a container image that can be read: its manifest is ""',
    ],
    [
      'a server for HTTPS',
      ((_, r) => r.writeHead(400).end('Client sent an HTTP request to an HTTPS server.\n')) satisfies Handler,
      'HOST requires HTTPS and was sent plain HTTP',
    ],
    [
      'a circle',
      (({ url }, r) => r.writeHead(302, { location: url }).end()) satisfies Handler,
      'HOST does not read HOST/x:1: too many redirects',
    ],
    [
      'a redirect to nowhere',
      ((_, r) => r.writeHead(302, { location: 'http://[' }).end()) satisfies Handler,
      'HOST does not read HOST/x:1: too many redirects',
    ],
  ] as [string, Handler, string][])('%s', async (_name, handler, message) => {
    expect((await inspected(handler)).message).toBe(message)
  })

  test('too many requests, for longer than it is worth waiting', async () => {
    let asked = 0
    const error = await inspected((_, response) => {
      asked++
      json(
        response,
        429,
        { errors: [{ code: 'TOOMANYREQUESTS', message: 'pull rate limit' }] },
        { 'retry-after': '3600' },
      )
    })
    expect(error.message).toBe('HOST has had too many requests from here (TOOMANYREQUESTS pull rate limit)')
    expect(error.hint).toContain('deis registry:set')
    expect(asked).toBe(1)
  })

  test.each([
    ['an overloaded one', ((_, r) => r.writeHead(503).end()) satisfies Handler],
    ['one that had to wait for the request', ((_, r) => r.writeHead(408).end()) satisfies Handler],
    ['one that asks us to wait a moment', ((_, r) => r.writeHead(429, { 'retry-after': '0' }).end()) satisfies Handler],
    ['one that hangs up', (({ socket }) => socket.destroy()) satisfies Handler],
    [
      'one that hangs up half way',
      ((_, r) => r.writeHead(200, { 'content-length': '999' }).write('{', () => r.destroy())) satisfies Handler,
    ],
  ] as [string, Handler][])('%s is asked again', async (_name, bad) => {
    let asked = 0
    const { host } = await serve((request, response) => (++asked === 1 ? bad : image)(request, response))
    expect((await client({ insecure: [host] }).inspect(`${host}/x`, null, never)).ports).toEqual([443, 8080])
  })

  test('one that keeps failing is given up', async () => {
    let asked = 0
    const error = await inspected((_, response) => {
      asked++
      response.writeHead(502).end()
    })
    expect(error.message).toBe('HOST fails: the answer was 502')
    expect(asked).toBe(3)
  })

  test('a manifest that does not match its digest', async () => {
    const wrong = sha('something else')
    const error = await inspected(image, `x@${wrong}`)
    expect(error.message).toBe(`HOST/x@${wrong} is damaged: the manifest should be ${wrong} and is ${sha(manifest)}`)
  })

  test('a config that does not match its digest', async () => {
    const error = await inspected((request, response) => {
      if (request.url?.includes('/blobs/')) response.end(config.replace('8080', '8081'))
      else image(request, response)
    })
    expect(error.message).toContain(`is damaged: the blob should be ${sha(config)}`)
  })

  const says =
    (body: object, type: string): Handler =>
    (_, response) =>
      json(response, 200, body, { 'content-type': type })
  const artifact = {
    schemaVersion: 2,
    layers: [],
    config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: sha(''), size: 0 },
  }
  const giant = { ...artifact, config: { mediaType: mediaTypes.ociConfig, digest: sha(''), size: 2 ** 30 } }
  test.each([
    [
      'an old manifest',
      says({ schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'),
      'not a container image that can be read',
    ],
    ['a chart', says(artifact, mediaTypes.ociManifest), 'it holds "application/vnd.cncf.helm.config.v1+json"'],
    [
      'a manifest of another shape',
      says({ schemaVersion: 2, layers: 'x' }, mediaTypes.ociManifest),
      'the manifest is invalid',
    ],
    ['an index of another shape', says({ schemaVersion: 2 }, mediaTypes.ociIndex), 'the index is invalid'],
    ['a config that says it is huge', says(giant, mediaTypes.ociManifest), `${sha('')} has more than 8388608 bytes`],
  ])('%s', async (_name, handler, message) => {
    expect((await inspected(handler)).message).toContain(message)
  })

  test.each([true, false])('a manifest without end (length given: %s) is not read', async (given) => {
    let closed = (): void => {}
    const ended = new Promise<void>((resolve) => (closed = resolve))
    const error = await inspected((_, response) => {
      response.writeHead(200, {
        'content-type': mediaTypes.ociManifest,
        ...(given ? { 'content-length': 2 ** 33 } : {}),
      })
      response.once('close', closed)
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, ' ')));
      }
      response.on('drain', more)
      more()
    })
    expect(error.message).toContain('the manifest has more than 4194304 bytes')
    await ended
  })

  test('no server there', async () => {
    const { host } = await serve(image)
    open[0]?.close()
    const error = await failure(client({ insecure: [host] }).inspect(`${host}/x`, null, never))
    expect(error.message).toMatch(new RegExp(`^cannot reach the registry ${host}: .*ECONNREFUSED`))
    open.length = 0
  })

  test('a name that does not exist', async () => {
    const error = await failure(client({}).inspect('registry.invalid/x', null, never))
    expect(error.message).toContain('cannot reach the registry registry.invalid: ')
  })
})

describe('whom we ask', () => {
  test.each(['127.0.0.1:1/x', '169.254.169.254/latest/meta-data', '[::1]/x', '[::ffff:127.0.0.1]/x', 'localhost:1/x'])(
    '%s is refused unless the operator lists it',
    async (image) => {
      const error = await failure(client({}).inspect(image, null, never))
      expect(error.message).toContain('the platform does not connect to')
      expect(error.hint).toContain('DEIS_REGISTRY_INSECURE')
    },
  )

  test('a registry in plain HTTP is named, when HTTPS is expected of it', async () => {
    const host = await listen(createServer(image))
    // Trusted, but not as one in plain HTTP.
    const error = await failure(client({ credentials: { [host]: ann } }).inspect(`${host}/x`, null, never))
    expect(error.message).toBe(`${host} does not speak HTTPS`)
    expect(error.hint).toBe(`for a registry in plain HTTP, list ${host} in DEIS_REGISTRY_INSECURE`)
  })

  test('a certificate of an unknown authority is refused', async () => {
    const { server } = await certified()
    const host = await listen(createTlsServer(server, image))
    const error = await failure(client({ credentials: { [host]: ann } }).inspect(`${host}/x`, null, never))
    expect(error.message).toContain(`the certificate of ${host} cannot be trusted`)
    expect(error.hint).toContain('NODE_EXTRA_CA_CERTS')
  })

  test('with an authority of the operator’s it is, and what begins in HTTPS stays there', async () => {
    const { server, ca } = await certified()
    const auth = await serve((_, response) => json(response, 200, { token: 't' }))
    const [good, careless] = await Promise.all([
      listen(createTlsServer(server, image)),
      listen(
        createTlsServer(server, (_, response) => {
          json(response, 401, {}, { 'www-authenticate': `Bearer realm="http://${auth.host}/token"` })
        }),
      ),
    ])
    const told = await inspectElsewhere(ca, [good, careless])
    expect(told[0]).toContain('"ports":[443,8080]')
    expect(told[1]).toContain('redirects from HTTPS to something else')
    expect(auth.asked).toEqual([])
  })
})

describe('cancelling', () => {
  test('ends a call that hangs, with the caller’s reason, and its connection', async () => {
    const stop = new AbortController()
    const reason = new Error('enough')
    let closed: Promise<unknown> = Promise.resolve()
    const { host } = await serve(({ socket }) => {
      closed = once(socket, 'close')
      stop.abort(reason)
    })
    await expect(client({ insecure: [host] }).inspect(`${host}/x`, null, stop.signal)).rejects.toBe(reason)
    await closed
  })

  test('ends the waiting between tries', async () => {
    const stop = new AbortController()
    const { host } = await serve((_, response) => {
      response.writeHead(429, { 'retry-after': '9' }).end()
      setImmediate(() => stop.abort(new Error('enough')))
    })
    await expect(client({ insecure: [host] }).inspect(`${host}/x`, null, stop.signal)).rejects.toThrow('enough')
  })

  test('before it began means that nothing is asked', async () => {
    const { host, asked } = await serve(image)
    await expect(
      client({ insecure: [host] }).inspect(`${host}/x`, null, AbortSignal.abort(new Error('enough'))),
    ).rejects.toThrow('enough')
    expect(asked).toEqual([])
  })
})

describe('tags', () => {
  const other = sha('other')
  test('of all pages, each with its digest, without those that are gone meanwhile', async () => {
    const { host, asked } = await serve(({ method, url = '' }, response) => {
      if (method === 'HEAD' && url.endsWith('/gone')) response.writeHead(404).end()
      else if (method === 'HEAD') response.writeHead(200, { 'docker-content-digest': other }).end()
      else if (url.includes('last=b')) json(response, 200, { name: 'x', tags: ['c'] })
      else json(response, 200, { tags: ['a', 'gone'] }, { link: '</v2/team/x/tags/list?last=b>; rel="next"' })
    })
    const found = await client({ insecure: [host] }).tags(`${host}/team/x`, never)
    expect([...found].toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['a', other],
      ['c', other],
    ])
    expect(asked.slice(0, 2)).toEqual(['GET /v2/team/x/tags/list?n=500', 'GET /v2/team/x/tags/list?last=b'])
  })

  test('on pages that never end are an end nevertheless', async () => {
    const { host, asked } = await serve(({ url = '' }, response) =>
      json(response, 200, { tags: null }, { link: `<${url}>; rel="next"` }),
    )
    expect(await client({ insecure: [host] }).tags(`${host}/x`, never)).toEqual(new Map())
    expect(asked.length).toBeLessThan(10)
  })
})

describe('deleting', () => {
  test.each([
    ['there', 202, true],
    ['gone', 404, false],
    ['a registry that deletes nothing', 405, false],
  ])('%s', async (_name, status, deleted) => {
    const { host } = await serve((_, response) => response.writeHead(status).end())
    expect(await client({ insecure: [host] }).remove(`${host}/x@${sha('')}`, never)).toBe(deleted)
  })

  test('a tag is refused: others may have the same manifest', async () => {
    expect((await failure(client({}).remove('h.example/x:1', never))).message).toContain('names no digest')
  })
})

describe('a push that fails', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'deis-push-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true })
  })
  const push = (host: string, layer: Readable, signal = never) =>
    createRegistry({ insecure: [host], mirrors: {}, credentials: {} }, { ...amd64, tempDir: folder }).appendLayer(
      {
        base: `${host}/base:1`,
        target: `${host}/app`,
        tag: 't',
        layer,
        entrypoint: [],
        cmd: [],
        workingDir: '/',
        user: null,
        env: {},
        labels: {},
        exposed: [],
      },
      signal,
    )

  test('leaves no file, and lets go of the layer, when the registry refuses', async () => {
    const { host } = await serve((request, response) => {
      if (request.url?.startsWith('/v2/base/')) image(request, response)
      else if (request.method === 'HEAD') response.writeHead(404).end()
      else json(response, 403, { errors: [{ code: 'DENIED', message: 'read only' }] })
    })
    const layer = Readable.from([Buffer.from('tar')])
    const error = await failure(push(host, layer))
    expect(error.message).toContain('DENIED read only')
    expect(error.hint).toContain('DEIS_REGISTRY_USERNAME')
    expect(layer.destroyed).toBe(true)
    expect(await readdir(folder)).toEqual([])
  })

  test.each(['DIGEST_INVALID', 'SIZE_INVALID'])(
    'is not tried again when the registry says %s of a layer',
    async (code) => {
      const { host, asked } = await serve((request, response) => {
        if (request.url?.startsWith('/v2/base/')) image(request, response)
        else if (request.method === 'HEAD') response.writeHead(404).end()
        else if (request.method === 'POST') response.writeHead(202, { location: '/up/1' }).end()
        else request.once('end', () => json(response, 400, { errors: [{ code, message: 'not what it should be' }] }))
      })
      const error = await failure(push(host, Readable.from([Buffer.from('tar')])))
      expect(error.message).toContain(`${code} not what it should be`)
      expect(asked.filter((one) => one.startsWith('PUT'))).toHaveLength(1)
    },
  )

  test('lets go of the layer when there is no base', async () => {
    const { host } = await serve((_, response) => json(response, 404, { errors: [{ code: 'MANIFEST_UNKNOWN' }] }))
    const layer = new Readable({ read: () => {} })
    expect((await failure(push(host, layer))).message).toContain('/base:1 not found')
    expect(layer.destroyed).toBe(true)
  })

  test('ends when cancelled while the layer is being made', async () => {
    const stop = new AbortController()
    const { host } = await serve(image)
    const layer = new Readable({ read: () => setImmediate(() => stop.abort(new Error('enough'))) })
    await expect(push(host, layer, stop.signal)).rejects.toThrow('enough')
    expect(await readdir(folder)).toEqual([])
  })

  test('a layer that breaks off is not pushed', async () => {
    const { host, asked } = await serve(image)
    const layer = new Readable({ read: () => {} })
    layer.push('half')
    setImmediate(() => layer.destroy(new Error('the build ended')))
    await expect(push(host, layer)).rejects.toThrow('the build ended')
    expect(asked.filter((one) => /^(POST|PUT)/.test(one))).toEqual([])
    expect(await readdir(folder)).toEqual([])
  })

  test('is begun again from the start when the connection breaks or the registry forgets, and what is there is not sent', async () => {
    let puts = 0
    let manifests = 0
    const uploads: string[] = []
    const { host } = await serve((request, response) => {
      const { method, url = '' } = request
      if (url.startsWith('/v2/base/')) return image(request, response)
      if (method === 'HEAD') return response.writeHead(url.includes(sha(config)) ? 200 : 404).end()
      if (method === 'POST') return response.writeHead(202, { location: `/up/${uploads.push(url)}?a=b` }).end()
      if (url.startsWith('/up/') && ++puts === 1) return request.socket.destroy()
      if (url.startsWith('/up/') && puts === 2)
        return json(response, 404, { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] })
      // Another client sends the same blobs at the same time.
      if (url.includes('/manifests/') && ++manifests === 1)
        return request.resume().once('end', () => json(response, 400, { errors: [{ code: 'DIGEST_INVALID' }] }))
      request.once('end', () => response.writeHead(201).end())
    })
    const made = await push(host, Readable.from([Buffer.alloc(200_000, 'x')]))
    expect(made.reference).toMatch(new RegExp(`^${host}/app@sha256:`))
    // The layer three times, the config once.
    expect(uploads).toHaveLength(4)
    expect(manifests).toBe(2)
  })
})

/** A certificate for 127.0.0.1 that signs itself. */
async function certified(): Promise<{ server: { cert: Buffer; key: Buffer }; ca: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'deis-tls-'))
  temporary.push(folder)
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=registry', '-addext', 'subjectAltName=IP:127.0.0.1']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const args = ['req', '-x509', ...curve, '-nodes', '-days', '2', ...subject, '-keyout', key, '-out', cert]
  await promisify(execFile)('openssl', args)
  return { server: { cert: await readFile(cert), key: await readFile(key) }, ca: cert }
}

const temporary: string[] = []
afterEach(async () => {
  await Promise.all(temporary.splice(0).map((folder) => rm(folder, { recursive: true })))
})

/** In a process that trusts `ca`: authorities are read when a process starts. The facts as JSON, or the failure. */
async function inspectElsewhere(ca: string, hosts: readonly string[]): Promise<string[]> {
  const credentials = Object.fromEntries(hosts.map((host) => [host, ann]))
  const program = `
    const { createRegistry } = await import(${JSON.stringify(new URL('create.ts', import.meta.url).href)})
    const settings = { insecure: [], mirrors: {}, credentials: ${JSON.stringify(credentials)} }
    const registry = createRegistry(settings, { architecture: 'x64' })
    const inspect = (host) => registry.inspect(host + '/x', null, AbortSignal.timeout(20_000)).then(JSON.stringify, String)
    process.stdout.write(JSON.stringify(await Promise.all(${JSON.stringify(hosts)}.map(inspect))))`
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', program],
    { env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca } },
  )
  return JSON.parse(stdout) as string[]
}
