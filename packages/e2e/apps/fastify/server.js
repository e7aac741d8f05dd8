// What does an app with a framework and a lock file answer?
import Fastify from 'fastify'
const app = Fastify()
app.get('/', async () => ({ hello: 'fastify' }))
await app.listen({ port: Number(process.env.PORT), host: '0.0.0.0' })
