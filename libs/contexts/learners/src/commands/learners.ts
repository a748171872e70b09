// Registering, changing and erasing a person; who a person is by an identifier.
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Injectable,
  Param,
  Patch,
  Post,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { randomUUID } from 'node:crypto';
import { publicId, type CommandContext, type CommandOutcome, type LearnerId, type TenantId } from '@cairn/kernel';
import {
  Caller,
  Code,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idFromPath,
  INSTALLATION,
  ListOf,
  mergePatch,
  Nested,
  pageAnswer,
  PageQuery,
  pageOf,
  plain,
  ProblemException,
  ReadGate,
  RequireScope,
  Text,
  type CairnRequest,
  type Installation,
  type SendOptions,
  type TenantCaller,
} from '@cairn/platform';
import { normaliseIdentity } from '../contracts/identity.js';
import type {
  EraseLearner,
  MergeLearners,
  RecordKeyDestroyed,
  SettleIdentities,
  UnmergeLearners,
} from '../contracts/learner.commands.js';
import type { LearnerProfile } from '../contracts/learner.events.js';
import { goesOnAs, learnerFold, learnerStream } from '../contracts/learner.folds.js';
import { destroyTraces, settleIdentities, type ErasurePorts } from '../domain/erasure.js';
import { changeProfile, findLearner, registerLearner, type Registration } from '../domain/registration.js';

export class EraseLearnerMessage extends CommandMessage<EraseLearner> {
  static readonly type = 'EraseLearner';
}
@CommandHandler(EraseLearnerMessage)
export class EraseLearnerHandler extends DecidedHandler {}

/** Sent by the route of merges, which shows first what would follow in the records. */
export class MergeLearnersMessage extends CommandMessage<MergeLearners> {
  static readonly type = 'MergeLearners';
}
@CommandHandler(MergeLearnersMessage)
export class MergeLearnersHandler extends DecidedHandler {}

export class UnmergeLearnersMessage extends CommandMessage<UnmergeLearners> {
  static readonly type = 'UnmergeLearners';
}
@CommandHandler(UnmergeLearnersMessage)
export class UnmergeLearnersHandler extends DecidedHandler {}

export class RecordKeyDestroyedMessage extends CommandMessage<RecordKeyDestroyed> {
  static readonly type = 'RecordKeyDestroyed';
}
export class SettleIdentitiesMessage extends CommandMessage<SettleIdentities> {
  static readonly type = 'SettleIdentities';
}

/**
 * Registering, changing and finding people: acts of several commands in one order. So RegisterLearner, ChangeLearnerProfile
 * and the claims of identifiers go to the executor from here, and have no message on the bus that could skip a step.
 */
@Injectable()
export class LearnerDesk {
  readonly ports: ErasurePorts;

  private readonly execute: Installation['executor']['execute'];

  constructor(@Inject(INSTALLATION) { executor, keyVault, blobVault }: Installation) {
    this.execute = executor.execute;
    this.ports = {
      execute: (command) => executor.execute(command),
      fold: executor.loader.fold,
      history: executor.history,
      newId: randomUUID,
      identityKey: async (tenant) => keyVault.secret(tenant, 'identity'),
      purgeBlobs: async (tenant, learner) => {
        await blobVault.purge({ tenant, learner });
      },
      destroyKey: async (tenant, learner) => keyVault.destroy({ tenant, learner }),
    };
  }

  /** The same for the HTTP route and for importers. */
  register(context: CommandContext, profile: LearnerProfile): Promise<Registration> {
    return registerLearner(this.ports, context, profile);
  }

  change(
    context: CommandContext,
    learnerId: LearnerId,
    profile: LearnerProfile,
    options: SendOptions = {},
  ): Promise<Registration> {
    return changeProfile(this.ports, context, learnerId, profile, (command) => this.execute(command, options));
  }

  find(tenant: TenantId, kind: 'email' | 'external-id', text: string): Promise<LearnerId | undefined> {
    const value = normaliseIdentity(kind, text);
    return value === undefined ? Promise.resolve(undefined) : findLearner(this.ports, tenant, kind, value);
  }
}

/** Releases identifiers, purges signed copies, destroys the key; then it is recorded. */
@CommandHandler(RecordKeyDestroyedMessage)
export class RecordKeyDestroyedHandler implements ICommandHandler<RecordKeyDestroyedMessage> {
  constructor(private readonly desk: LearnerDesk) {}

  execute({ issued }: RecordKeyDestroyedMessage): Promise<CommandOutcome> {
    return destroyTraces(this.desk.ports, issued);
  }
}

/** Has no decider: it sends claims and releases, which have. */
@CommandHandler(SettleIdentitiesMessage)
export class SettleIdentitiesHandler implements ICommandHandler<SettleIdentitiesMessage> {
  constructor(private readonly desk: LearnerDesk) {}

  async execute({ issued }: SettleIdentitiesMessage): Promise<CommandOutcome> {
    const { learnerId } = issued.data;
    await settleIdentities(this.desk.ports, issued, learnerId);
    const stream = learnerStream(issued.tenant, learnerId);
    return { accepted: true, outcome: 'unchanged', replayed: false, stream, revision: -1, position: '', events: [] };
  }
}

class ExternalIdBody {
  @Text({ max: 64, example: 'sis' }) system!: string;
  @Text({ max: 200, example: '4711' }) value!: string;
}
const LANGUAGE = {
  max: 35,
  pattern: /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/,
  hint: 'must be a language such as de or pt-BR',
};
class LearnerBody {
  @Text({ optional: true, max: 200, example: 'Ada Example' }) name?: string;
  @Text({ optional: true, max: 320, example: 'ada@example.org' }) email?: string;
  @Text({ optional: true, ...LANGUAGE, example: 'de', description: 'In which they are written to.' }) language?: string;
  @ListOf(() => ExternalIdBody, { optional: true, max: 20 }) externalIds?: ExternalIdBody[];
}
class EraseBody {
  @Code({ example: 'data-subject-request' }) reasonCode!: string;
  @Text({ max: 200, example: 'data protection officer', description: 'Who approved it, by role.' }) approvedBy!: string;
}
/** A merge patch (RFC 7396): what is left out stays, null takes away. */
class LearnerPatch {
  @Text({ optional: true, nullable: true, max: 200 }) name?: string | null;
  @Text({ optional: true, nullable: true, max: 320 }) email?: string | null;
  @Text({ optional: true, nullable: true, ...LANGUAGE }) language?: string | null;
  @ListOf(() => ExternalIdBody, { optional: true, nullable: true, max: 20 }) externalIds?: ExternalIdBody[] | null;
}
class FindBody {
  @Text({ optional: true, max: 320, example: 'ada@example.org' }) email?: string;
  @Nested(() => ExternalIdBody, { optional: true }) externalId?: ExternalIdBody;
}

/** Instances of DTO classes become plain data; members taken away by null are left out. */
const plainProfile = (body: object): LearnerProfile =>
  JSON.parse(JSON.stringify(body, (_key, value: unknown) => (value === null ? undefined : value))) as LearnerProfile;

@ApiTags('learners')
@Controller('api/learners')
export class LearnerRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    private readonly desk: LearnerDesk,
    private readonly gate: ReadGate,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @RequireScope('learners:write')
  @ApiOperation({ summary: 'Registers a learner; the personal part is sealed with a key of their own' })
  async register(@Req() request: CairnRequest, @Body() body: LearnerBody) {
    const outcome = await this.desk.register(this.gateway.contextOf(request), plainProfile(body));
    if (!outcome.accepted) throw ProblemException.of(outcome);
    const id = publicId('lrn', outcome.learnerId);
    return this.gateway.answer(outcome, { id, location: `/api/learners/${id}` });
  }

  @Patch(':id')
  @RequireScope('learners:write')
  @ApiOperation({ summary: 'Changes the personal part; what is left out stays, null takes away' })
  async change(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: LearnerPatch,
  ) {
    const learnerId = idFromPath<LearnerId>('lrn', id);
    const outcome = await mergePatch(request, async (pin) => {
      const { profile, revision } = await this.profileOf(tenant, learnerId);
      const merged = plainProfile({ ...profile, ...plain(body) });
      return this.desk.change(this.gateway.contextOf(request), learnerId, merged, pin(revision));
    });
    return this.gateway.answer(outcome, { id });
  }

  @Post(':id/erase')
  @RequireScope('erasure:approve')
  @ApiOperation({ summary: 'Erases a learner: the key of the personal data and everything derived from it' })
  async erase(@Req() request: CairnRequest, @Param('id') id: string, @Body() body: EraseBody) {
    const outcome = await this.gateway.send<EraseLearner>(request, {
      type: 'EraseLearner',
      data: { learnerId: idFromPath<LearnerId>('lrn', id), reasonCode: body.reasonCode, approvedBy: body.approvedBy },
    });
    return this.gateway.answer(outcome, { id });
  }

  @Post('find')
  @HttpCode(200)
  @RequireScope('learners:read')
  @ApiOperation({
    summary: 'The learner with an identifier',
    description: 'By POST, so that identifiers of people stand in no URL and hence in no access log.',
  })
  async find(@Caller() { tenant }: TenantCaller, @Body() { email, externalId }: FindBody) {
    if ((email === undefined) === (externalId === undefined))
      throw new ProblemException('validation-failed', 'Send either email or externalId.', {
        errors: [{ pointer: '/email', code: 'one-of', message: 'send either email or externalId' }],
      });
    const found =
      email === undefined
        ? await this.desk.find(tenant, 'external-id', `${externalId?.system}:${externalId?.value}`)
        : await this.desk.find(tenant, 'email', email);
    if (found === undefined) throw new ProblemException('not-found', 'Nobody has this identifier.');
    // Identifiers follow a merge.
    return { id: publicId('lrn', await goesOnAs(this.installation.executor.loader.fold, tenant, found)) };
  }

  @Get()
  @RequireScope('learners:read')
  @ApiOperation({ summary: 'Learners, without personal data' })
  async list(
    @Req() request: CairnRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Caller() { tenant }: TenantCaller,
    @Query() query: PageQuery,
  ) {
    await this.gate.pass(request, reply, 'learners');
    const page = await pageOf(this.installation.views, 'learners', { tenant }, query, [['registeredAt', 1]]);
    return pageAnswer(reply, request, page, ({ _id, tenant: _tenant, learnerId, mergedInto, ...rest }) => ({
      id: publicId('lrn', learnerId as string),
      ...rest,
      ...(mergedInto === undefined ? {} : { mergedInto: publicId('lrn', mergedInto as string) }),
    }));
  }

  @Get(':id')
  @RequireScope('learners:read')
  @ApiOperation({ summary: 'One learner with the personal part' })
  async one(
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { profile, revision, mergedInto } = await this.profileOf(tenant, idFromPath<LearnerId>('lrn', id));
    void reply.headers({ ETag: `"${revision}"`, 'Cache-Control': 'no-store' });
    return { id, ...profile, ...(mergedInto === undefined ? {} : { mergedInto: publicId('lrn', mergedInto) }) };
  }

  private async profileOf(tenant: TenantId, learnerId: LearnerId) {
    const { state, revision } = await this.installation.executor.snapshot(
      learnerFold,
      learnerStream(tenant, learnerId),
    );
    if (state.status === 'unknown') throw new ProblemException('not-found', 'There is no such learner.');
    const profile = state.status === 'registered' ? state.profile.reveal() : undefined;
    if (profile === undefined) throw new ProblemException('learner-erased', 'The learner was erased.');
    return { profile, revision, mergedInto: state.status === 'registered' ? state.mergedInto : undefined };
  }
}
