import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { publicId, type IssuerId, type TenantId } from '@cairn/kernel';
import {
  Caller,
  idFromPath,
  INSTALLATION,
  OperatorOnly,
  pageAnswer,
  pageOf,
  PageQuery,
  ProblemException,
  Public,
  ReadGate,
  RequireScope,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import { issuerFold, issuerStream, tenantFold, tenantStream } from '../contracts/tenancy.folds.js';
import type { IssuerDocument } from '../projections/issuers.projection.js';
import type { TenantDocument } from '../projections/tenants.projection.js';
import { didDocument } from './did-document.js';
import { KeyUse } from './key-use.js';

const tenantAnswer = ({ tenant, slug, name, zone }: TenantDocument) => ({
  id: publicId('ten', tenant),
  slug,
  name,
  zone,
});

@ApiTags('tenancy')
@Controller()
export class TenancyController {
  constructor(
    @Inject(INSTALLATION) private readonly installation: Installation,
    private readonly gate: ReadGate,
    private readonly use: KeyUse,
  ) {}

  @Get('api/tenants')
  @OperatorOnly()
  @ApiOperation({ summary: 'Tenants of the installation' })
  async tenants(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Query() query: PageQuery,
  ) {
    await this.gate.pass(request, reply, 'tenants');
    const page = await pageOf(this.installation.views, 'tenants', {}, query);
    return pageAnswer(reply, request, page, (document) => tenantAnswer(document as unknown as TenantDocument));
  }

  @Get('api/tenants/:id')
  @OperatorOnly()
  @ApiOperation({ summary: 'One tenant' })
  async tenant(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const tenant = idFromPath<TenantId>('ten', id);
    const { state, revision } = await this.installation.executor.snapshot(tenantFold, tenantStream(tenant));
    if (!state.registered) throw new ProblemException('not-found', 'There is no such tenant.');
    void reply.header('ETag', `"${revision}"`);
    return tenantAnswer({ ...state.registered, tenant });
  }

  @Get('api/api-keys')
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'API keys of the tenant, without their secrets' })
  async apiKeys(@Caller() { tenant }: TenantCaller) {
    const { state } = await this.installation.executor.snapshot(tenantFold, tenantStream(tenant));
    const used = await this.use.of(
      tenant,
      state.keys.map(({ keyId }) => keyId),
    );
    return {
      items: state.keys.map(({ keyId, hash: _hash, ...key }) => ({
        id: publicId('key', keyId),
        ...key,
        lastUsedAt: used.get(keyId) ?? null,
      })),
    };
  }

  @Get('api/issuers')
  @RequireScope('catalog:read')
  @ApiOperation({ summary: 'Issuers of the tenant' })
  async issuers(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Query() query: PageQuery,
  ) {
    await this.gate.pass(request, reply, 'issuers');
    const page = await pageOf(this.installation.views, 'issuers', { tenant }, query);
    return pageAnswer(reply, request, page, (document) => {
      const { issuerId, slug, name, url, did, zone, keys } = document as unknown as IssuerDocument;
      return { id: publicId('iss', issuerId), slug, name, ...(url ? { url } : {}), did, zone, keys };
    });
  }

  @Get('api/issuers/:id')
  @RequireScope('catalog:read')
  @ApiOperation({ summary: 'One issuer with the public parts of its keys' })
  async issuer(
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const issuerId = idFromPath<IssuerId>('iss', id);
    const { state, revision } = await this.installation.executor.snapshot(issuerFold, issuerStream(tenant, issuerId));
    if (!state.registered) throw new ProblemException('not-found', 'There is no such issuer.');
    void reply.header('ETag', `"${revision}"`);
    return { ...state.registered, issuerId: undefined, id, keys: state.keys };
  }

  @Get('issuers/:id/did.json')
  @Public()
  @ApiOperation({ summary: "An issuer's DID document: what its credentials are verified with" })
  async did(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const issuerId = idFromPath<IssuerId>('iss', id);
    // The read model only says whose issuer it is; the keys come from the stream.
    const [found] = await this.installation.views.find('issuers', { issuerId }, { limit: 1 });
    if (!found) throw new ProblemException('not-found', 'There is no such issuer.');
    const tenant = (found as unknown as IssuerDocument).tenant as TenantId;
    const { state } = await this.installation.executor.snapshot(issuerFold, issuerStream(tenant, issuerId));
    void reply.headers({
      'Content-Type': 'application/did+json',
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'public, max-age=300',
    });
    return didDocument(state);
  }
}
