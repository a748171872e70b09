// Registering issuers, and the life of their signing keys. Private halves are made in the vault and stay there.
import { Body, Controller, Inject, Param, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, uuidv5, type IssuerId, type JsonObject } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  CONFIGURATION,
  DecidedHandler,
  idFromPath,
  INSTALLATION,
  InstantField,
  instantOf,
  OneOf,
  ProblemException,
  RequireScope,
  Text,
  type CairnRequest,
  type Configuration,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { AddSigningKey, RegisterIssuer, RetireSigningKey } from '../contracts/tenancy.commands.js';
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../contracts/tenancy.events.js';
import { issuerFold, issuerStream } from '../contracts/tenancy.folds.js';
import { TENANT_SLUG } from './register-tenant.js';

export class RegisterIssuerMessage extends CommandMessage<RegisterIssuer> {
  static readonly type = 'RegisterIssuer';
}
@CommandHandler(RegisterIssuerMessage)
export class RegisterIssuerHandler extends DecidedHandler {}

export class AddSigningKeyMessage extends CommandMessage<AddSigningKey> {
  static readonly type = 'AddSigningKey';
}
@CommandHandler(AddSigningKeyMessage)
export class AddSigningKeyHandler extends DecidedHandler {}

export class RetireSigningKeyMessage extends CommandMessage<RetireSigningKey> {
  static readonly type = 'RetireSigningKey';
}
@CommandHandler(RetireSigningKeyMessage)
export class RetireSigningKeyHandler extends DecidedHandler {}

class RegisterIssuerBody {
  @Text({ ...TENANT_SLUG, example: 'northlake' }) slug!: string;
  @Text({ max: 200, example: 'Northlake College' }) name!: string;
  @Text({ max: 64, example: 'Europe/Berlin', description: 'IANA time zone of local days and terms.' }) zone!: string;
  @Text({ optional: true, max: 2048, pattern: /^https?:\/\//, hint: 'must begin with https:// or http://' })
  url?: string;
  @Text({
    optional: true,
    max: 512,
    pattern: /^did:[a-z0-9]+:/,
    hint: 'must be a DID such as did:web:example.org',
    description: 'Its DID, if its document is served elsewhere; else this installation serves it.',
  })
  did?: string;
}
class AddSigningKeyBody {
  @OneOf(SIGNING_ALGORITHMS, { example: 'ES256' }) algorithm!: SigningAlgorithm;
  @InstantField({ optional: true, description: 'From when on it signs; now if left out.' }) notBefore?: string;
}
class RetireSigningKeyBody {
  @Code({ example: 'rotated' }) reasonCode!: string;
  @InstantField({ optional: true, description: 'From when on it signs nothing; now if left out.' }) at?: string;
}

/** did:web of an issuer whose document this installation serves (did:web method, §3.1: path segments by colons). */
function hostedDid(baseUrl: string, issuer: IssuerId): string {
  const { host, pathname } = new URL(baseUrl);
  const path = pathname.split('/').filter((segment) => segment !== '');
  return ['did:web', encodeURIComponent(host), ...path, 'issuers', publicId('iss', issuer)].join(':');
}

@ApiTags('tenancy')
@Controller('api/issuers')
export class IssuerRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  @Post()
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'Registers a signing identity; add its first key next' })
  async register(@Req() request: CairnRequest, @Body() body: RegisterIssuerBody) {
    const context = this.gateway.contextOf(request);
    const issuerId = uuidv5(context.commandId, 'issuer') as IssuerId;
    const outcome = await this.gateway.send<RegisterIssuer>(
      request,
      {
        type: 'RegisterIssuer',
        data: {
          issuerId,
          slug: body.slug,
          name: body.name,
          ...(body.url === undefined ? {} : { url: body.url }),
          did: body.did ?? hostedDid(this.configuration.baseUrl, issuerId),
          zone: body.zone,
        },
      },
      context,
    );
    const id = publicId('iss', issuerId);
    return this.gateway.answer(outcome, { id, location: `/api/issuers/${id}` });
  }

  @Post(':id/keys')
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'Makes a key pair in the vault and puts it in force' })
  async addKey(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Body() body: AddSigningKeyBody,
  ) {
    const context = this.gateway.contextOf(request);
    const issuerId = idFromPath<IssuerId>('iss', id);
    await this.requireIssuer(caller, issuerId);
    const keyId = publicId('key', uuidv5(context.commandId, 'signing-key'));
    const publicJwk = await this.installation.keyVault.createSigningKey(caller.tenant, keyId, body.algorithm);
    const outcome = await this.gateway.send<AddSigningKey>(
      request,
      {
        type: 'AddSigningKey',
        data: {
          issuerId,
          keyId,
          algorithm: body.algorithm,
          publicJwk: publicJwk as JsonObject,
          notBefore: body.notBefore === undefined ? context.now : instantOf(body.notBefore),
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id, location: `/api/issuers/${id}`, more: { keyId } });
  }

  @Post(':id/keys/:keyId/retire')
  @RequireScope('tenant:admin')
  @ApiOperation({ summary: 'Lets a key sign nothing more; what it signed stays verifiable' })
  async retireKey(
    @Req() request: CairnRequest,
    @Caller() caller: TenantCaller,
    @Param('id') id: string,
    @Param('keyId') keyId: string,
    @Body() body: RetireSigningKeyBody,
  ) {
    const context = this.gateway.contextOf(request);
    const issuerId = idFromPath<IssuerId>('iss', id);
    await this.requireIssuer(caller, issuerId);
    const outcome = await this.gateway.send<RetireSigningKey>(
      request,
      {
        type: 'RetireSigningKey',
        data: {
          issuerId,
          keyId,
          at: body.at === undefined ? context.now : instantOf(body.at),
          reasonCode: body.reasonCode,
        },
      },
      context,
    );
    return this.gateway.answer(outcome, { id });
  }

  /** Before anything is made in the vault. */
  private async requireIssuer({ tenant }: TenantCaller, issuerId: IssuerId): Promise<void> {
    const { state } = await this.installation.executor.snapshot(issuerFold, issuerStream(tenant, issuerId));
    if (!state.registered) throw new ProblemException('not-found', 'There is no such issuer.');
  }
}
