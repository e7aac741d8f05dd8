// How are the contract's schemas compiled? Each once in a process, however many servers it has: with all routes that takes seconds of CPU.
import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'

type BuildSerializer = ReturnType<typeof SerializerSelector>
type Serializer = ReturnType<ReturnType<BuildSerializer>>

/** By schema. It depends on nothing else, as no server has schemas or options of its own. */
const serializers = new WeakMap<object, Serializer>()
const select = SerializerSelector()

const buildSerializer: BuildSerializer = (external, options) => {
  const compile = select(external, options)
  return (route) => {
    const found = serializers.get(route.schema as object)
    if (found) return found
    const made = compile(route)
    serializers.set(route.schema as object, made)
    return made
  }
}

/** The compiler of validators remembers schemas by itself. */
export const compilersFactory = { buildValidator: AjvCompiler(), buildSerializer }
