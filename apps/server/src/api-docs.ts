// `/docs`: the API to read and to try, made from the same document as /openapi.json.
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

/** Swagger UI brings scripts and inline styles of its own: allowed on its own paths, nowhere else. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const OWN_PATH = /^\/docs(\/?|\/(swagger-ui|favicon|index)[\w.-]*)(\?|$)/;

/** Serves `/openapi.json` and `/docs`. Before `app.init()`, after {@link configure}: its header replaces the strict one. */
export function serveApiDocs(app: NestFastifyApplication, document: OpenAPIObject): void {
  const adapter = app.getHttpAdapter();
  adapter.getInstance().addHook('onRequest', (request, reply, done) => {
    if (OWN_PATH.test(request.url)) void reply.header('Content-Security-Policy', POLICY);
    done();
  });
  adapter.get('/openapi.json', (_request: unknown, reply: { send: (body: object) => void }) => reply.send(document));
  SwaggerModule.setup('docs', app, document, {
    customSiteTitle: 'Cairn: the API',
    raw: false,
    swaggerOptions: { defaultModelsExpandDepth: -1, docExpansion: 'none', persistAuthorization: false },
  });
}
