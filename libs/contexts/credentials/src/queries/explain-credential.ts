// Why a credential exists: for staff with everything, for others without what only staff may see (L16).
import { Controller, Get, Param, Query as QueryString } from '@nestjs/common';
import { Query, QueryBus, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { CredentialId, TenantId } from '@cairn/kernel';
import { Caller, idFromPath, ProblemException, RequireScope, type TenantCaller } from '@cairn/platform';
import { withoutStaffFields, type ExplainAnswer } from '../contracts/explain-answer.js';
import type { AsOf } from './credential-reader.js';
import { CredentialReading } from './credential-reading.js';
import { AxesQuery, axesOf } from './verify-credential.js';

/** Undefined: the tenant has no such credential. */
export class ExplainCredentialQuery extends Query<ExplainAnswer | undefined> {
  constructor(
    readonly tenant: TenantId,
    readonly credentialId: CredentialId,
    readonly view: 'staff' | 'learner',
    readonly at: AsOf = {},
  ) {
    super();
  }
}

@QueryHandler(ExplainCredentialQuery)
export class ExplainCredentialHandler implements IQueryHandler<ExplainCredentialQuery> {
  constructor(private readonly reading: CredentialReading) {}

  async execute({ tenant, credentialId, view, at }: ExplainCredentialQuery): Promise<ExplainAnswer | undefined> {
    const answer = await this.reading.reader.explain(tenant, credentialId, at);
    return answer && view === 'learner' ? withoutStaffFields(answer) : answer;
  }
}

@ApiTags('credentials')
@RequireScope('credentials:read')
@Controller('api/credentials')
export class ExplainCredentialRoute {
  constructor(private readonly queries: QueryBus) {}

  @Get(':id/explain')
  @ApiOperation({ summary: 'The rule, the facts, who recorded them and when; and whether the decision follows again' })
  async explain(@Caller() { tenant }: TenantCaller, @Param('id') id: string, @QueryString() axes: AxesQuery) {
    const credentialId = idFromPath<CredentialId>('crd', id);
    const query = new ExplainCredentialQuery(tenant, credentialId, 'staff', axesOf(axes));
    const answer = await this.queries.execute(query);
    if (!answer) throw new ProblemException('not-found', 'No such credential was issued.');
    return answer;
  }
}
