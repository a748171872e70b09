// Runs: long acts by their id, while they are under way and ever after.
import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, uuidv5 } from '@cairn/kernel';
import {
  Caller,
  INSTALLATION,
  ProblemException,
  RequireScope,
  runIdOf,
  Runs,
  type Installation,
  type RunCounts,
  type TenantCaller,
} from '@cairn/platform';
import { countOfCorrelation } from './trail-events.js';

type OperationAnswer = {
  readonly run: string;
  readonly state: 'under-way' | 'at-rest' | 'undone';
  /** What became of its items so far, while it is under way. */
  readonly counts?: RunCounts;
  /** Events recorded under its id, with all that followed from them. */
  readonly events: number;
  readonly undo: string;
};

@ApiTags('operations')
@Controller('api/operations')
@RequireScope('imports:run')
export class OperationRoutes {
  constructor(
    private readonly runs: Runs,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Get(':run')
  @ApiOperation({ summary: 'How far a run is, and how many events it has recorded' })
  async look(@Caller() { tenant }: TenantCaller, @Param('run') text: string): Promise<OperationAnswer> {
    const run = runIdOf(text);
    const undo = uuidv5(run, 'undo');
    const counts = this.runs.look(tenant, run);
    const [events, undone] = await Promise.all([
      countOfCorrelation(this.installation, tenant, run),
      countOfCorrelation(this.installation, tenant, undo, 1),
    ]);
    if (counts === undefined && events === 0)
      throw new ProblemException('not-found', `Nothing carries the id ${text} of a run.`);
    return {
      run: publicId('opr', run),
      state: counts !== undefined ? 'under-way' : undone > 0 ? 'undone' : 'at-rest',
      ...(counts === undefined ? {} : { counts }),
      events,
      undo: publicId('opr', undo),
    };
  }

  @Post(':run/cancel')
  @HttpCode(200)
  @ApiOperation({ summary: 'Ends a run before its next item; what it did stays, and sent again it goes on' })
  cancel(@Caller() { tenant }: TenantCaller, @Param('run') text: string): { readonly run: string } {
    const run = runIdOf(text);
    if (!this.runs.cancel(tenant, run))
      throw new ProblemException('run-not-under-way', `${publicId('opr', run)} is not under way here.`);
    return { run: publicId('opr', run) };
  }
}
