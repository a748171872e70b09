// The public answer about one credential: for anyone who has its id, without login (api.md §11).
import { Controller, Get, Param, Query as QueryString, Res } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { CredentialId } from '@cairn/kernel';
import { idFromPath, InstantField, instantOf, ProblemException, Public } from '@cairn/platform';
import type { VerificationAnswer } from '../contracts/verification-answer.js';
import { CredentialReading } from './credential-reading.js';
import type { AsOf } from './credential-reader.js';

/** Undefined: no such credential was known at `knownAt`. */
export class VerifyCredentialQuery extends Query<VerificationAnswer | undefined> {
  constructor(
    readonly credentialId: CredentialId,
    readonly at: AsOf = {},
  ) {
    super();
  }
}

@QueryHandler(VerifyCredentialQuery)
export class VerifyCredentialHandler implements IQueryHandler<VerifyCredentialQuery> {
  constructor(private readonly reading: CredentialReading) {}

  execute({ credentialId, at }: VerifyCredentialQuery): Promise<VerificationAnswer | undefined> {
    return this.reading.verify(credentialId, at);
  }
}

export class AxesQuery {
  @InstantField({ optional: true, description: 'Effective time asked about; now if left out.' }) asOf?: string;
  @InstantField({ optional: true, description: 'How much of the log is used, by recorded time; all if left out.' })
  knownAt?: string;
}

export const axesOf = ({ asOf, knownAt }: AxesQuery): AsOf => ({
  asOf: asOf === undefined ? undefined : instantOf(asOf),
  knownAt: knownAt === undefined ? undefined : instantOf(knownAt),
});

/** Anyone may read it from any page; nobody may keep it for longer than a status may be late (credentials.md §4, §9). */
const PUBLIC_HEADERS = { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-cache' } as const;

@ApiTags('verification')
@Public()
@Controller('c')
export class VerifyCredentialRoute {
  constructor(
    private readonly queries: QueryBus,
    private readonly reading: CredentialReading,
  ) {}

  @Get(':id.json')
  @ApiOperation({ summary: 'Whether a credential holds, or held at an instant, and what it means' })
  async answer(
    @Param('id') id: string,
    @QueryString() axes: AxesQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const query = new VerifyCredentialQuery(idFromPath<CredentialId>('crd', id), axesOf(axes));
    const answer = await this.queries.execute(query);
    if (!answer) throw new ProblemException('not-found', 'No such credential was known at that time.');
    void reply.headers(PUBLIC_HEADERS);
    return answer;
  }

  @Get(':id.jwt')
  @ApiOperation({ summary: 'The signed copy: an Open Badges 3.0 credential as a VC-JWT' })
  @ApiProduces('application/vc+jwt')
  async signedCopy(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const jwt = await this.reading.signedCopy(idFromPath<CredentialId>('crd', id));
    if (jwt === undefined) throw new ProblemException('not-found', 'There is no signed copy under this id (any more).');
    void reply.headers({ ...PUBLIC_HEADERS, 'Content-Type': 'application/vc+jwt' });
    return jwt;
  }

  /** Where every signed copy says that its renewed one is found (credentials.md §3). */
  @Get(':id/refresh')
  @ApiOperation({ summary: 'The newest signed copy: a renewed credential keeps its id and this address' })
  @ApiProduces('application/vc+jwt')
  refreshed(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply) {
    return this.signedCopy(id, reply);
  }
}
