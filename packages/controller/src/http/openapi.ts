// How is the contract described in OpenAPI? It is generated from the route values, so it cannot differ from what is served.
import { apiVersion, builderAuthHeader, type Route } from '@deis/types'

type Json = Record<string, unknown>

const security: Record<Route['access'], Json[]> = {
  anyone: [],
  user: [{ token: [] }],
  admin: [{ token: [] }],
  app: [{ token: [] }],
  'app-owner': [{ token: [] }],
  builder: [{ builder: [] }],
}

const may: Record<Route['access'], string> = {
  anyone: 'anyone',
  user: 'any user',
  admin: 'admins',
  app: 'the app’s owner and collaborators, and admins',
  'app-owner': 'the app’s owner, and admins',
  builder: 'builders',
}

const detail: Json = {
  description: 'Refused: `{"detail": …}`, a list of messages by field, or a bare string for what does not exist.',
  content: { 'application/json': { schema: {} } },
}

function requiredOf(schema: { readonly required?: readonly string[] } | undefined): readonly string[] {
  return schema?.required ?? []
}

function parameters(route: Route): Json[] {
  const of = (where: 'path' | 'query', schema: Route['params']): Json[] =>
    Object.entries(schema?.properties ?? {}).map(([name, value]) => ({
      name,
      in: where,
      required: where === 'path' || requiredOf(schema).includes(name),
      schema: value,
    }))
  return [...of('path', route.params), ...of('query', route.query)]
}

function success(route: Route): Json {
  const { type } = route.response as { type?: string }
  if (route.websocket)
    return { description: 'The connection is a WebSocket from here on. Without an upgrade in the request: 426.' }
  if (type === 'null') return { description: 'Done; the body is empty.' }
  const media = (route.method === 'GET' && route.media) || (type === 'string' ? 'text/plain' : 'application/json')
  return { description: 'Done.', content: { [media]: { schema: route.response } } }
}

function bodyOf(route: Route): Json {
  const { body, media, method } = route
  if (media !== undefined && method !== 'GET')
    return { requestBody: { required: true, content: { [media]: { schema: { type: 'string', format: 'binary' } } } } }
  if (!body) return {}
  return {
    requestBody: { required: requiredOf(body).length > 0, content: { 'application/json': { schema: body } } },
  }
}

function operation(name: string, route: Route): Json {
  return {
    operationId: name,
    summary: route.summary,
    description: `For ${may[route.access]}.`,
    tags: [route.path.split('/').findLast((part) => /^[a-z]+$/.test(part)) ?? 'platform'],
    security: security[route.access],
    ...(route.params || route.query ? { parameters: parameters(route) } : {}),
    ...bodyOf(route),
    responses: { [route.status]: success(route), default: detail },
  }
}

/** `named`: every route under the name it has in the types package. */
export function openapi(named: Readonly<Record<string, Route>>): Json {
  const paths: Record<string, Json> = {}
  for (const [name, route] of Object.entries(named)) {
    const path = route.path.replace(/:([a-z]+)/g, '{$1}')
    const item = (paths[path] ??= {})
    item[route.method.toLowerCase()] = operation(name, route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Deis', version: apiVersion, description: 'Paths are served with and without a slash at the end.' },
    paths,
    components: {
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'Authorization', description: '`token <key>`' },
        builder: { type: 'apiKey', in: 'header', name: builderAuthHeader },
      },
    },
  }
}
