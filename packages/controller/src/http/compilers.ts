// How are the contract's schemas compiled? Each once in a process, when the first request needs it: all of them together take a fifth of
// a second of CPU, and most processes need few.
import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifySchemaCompiler } from 'fastify'

type BuildValidator = ReturnType<typeof AjvCompiler>
type Validator = ReturnType<ReturnType<BuildValidator>>
type BuildSerializer = ReturnType<typeof SerializerSelector>
type Serializer = ReturnType<ReturnType<BuildSerializer>>

/** By schema. It depends on nothing else, as no server has schemas or options of its own. */
const serializers = new WeakMap<object, Serializer>()
const select = SerializerSelector()

const buildSerializer: BuildSerializer = (external, options) => {
  const compile = select(external, options)
  return (route) => {
    const schema = route.schema as object
    return (data) => {
      let serialize = serializers.get(schema)
      if (!serialize) {
        serialize = compile(route)
        serializers.set(schema, serialize)
      }
      return serialize(data)
    }
  }
}

/** This compiler remembers schemas by itself. */
const ajv = AjvCompiler()

const buildValidator: BuildValidator = (external, options) => {
  const compile = ajv(external, options)
  return (route) => {
    let made: Validator | null = null
    const validate: ReturnType<FastifySchemaCompiler<unknown>> = (data: unknown) => {
      made ??= compile(route)
      const valid = made(data) as boolean
      // Where Fastify looks for them.
      validate.errors = made.errors
      return valid
    }
    return validate as Validator
  }
}

export const compilersFactory = { buildValidator, buildSerializer }
