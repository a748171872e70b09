import { Body, Controller, Inject, Param, Patch, Post, Req } from '@nestjs/common';
import { CommandHandler } from '@nestjs/cqrs';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { publicId, type Issued, type ModuleId } from '@cairn/kernel';
import {
  Caller,
  CommandGateway,
  CommandMessage,
  DecidedHandler,
  idOrSlug,
  INSTALLATION,
  IntegerField,
  mergePatch,
  NumberField,
  plain,
  ProblemException,
  RequireScope,
  Slug,
  Text,
  TextMap,
  type CairnRequest,
  type Installation,
  type TenantCaller,
} from '@cairn/platform';
import type { DefineModule, ReviseModule } from '../contracts/catalog.commands.js';
import { moduleIdOf } from '../contracts/catalog.events.js';
import { moduleFold, moduleStream } from '../contracts/catalog.folds.js';

export class DefineModuleMessage extends CommandMessage<DefineModule> {
  static readonly type = 'DefineModule';
}
@CommandHandler(DefineModuleMessage)
export class DefineModuleHandler extends DecidedHandler {}

export class ReviseModuleMessage extends CommandMessage<ReviseModule> {
  static readonly type = 'ReviseModule';
}
@CommandHandler(ReviseModuleMessage)
export class ReviseModuleHandler extends DecidedHandler {}

class ModuleBody {
  @Slug({ example: 'DS-101' }) slug!: string;
  @TextMap({ example: { en: 'Data literacy' } }) title!: Record<string, string>;
  @NumberField({ min: 0, max: 1000, decimals: 2, optional: true, description: '0 if left out.' }) credits?: number;
  @Text({ optional: true, max: 100, example: 'statistics' }) area?: string;
  @IntegerField({ optional: true, max: 20 }) level?: number;
  @NumberField({ optional: true, min: 0, max: 100, description: 'Completions below it are refused.' })
  passMark?: number;
}
/** A merge patch (RFC 7396): what is left out stays, null takes away. */
class ModulePatch {
  @TextMap({ optional: true }) title?: Record<string, string>;
  @NumberField({ min: 0, max: 1000, decimals: 2, optional: true }) credits?: number;
  @Text({ optional: true, nullable: true, max: 100 }) area?: string | null;
  @IntegerField({ optional: true, nullable: true, max: 20 }) level?: number | null;
  @NumberField({ optional: true, nullable: true, min: 0, max: 100 }) passMark?: number | null;
}

@ApiTags('catalog')
@Controller('api/modules')
@RequireScope('catalog:write')
export class ModuleRoutes {
  constructor(
    private readonly gateway: CommandGateway,
    @Inject(INSTALLATION) private readonly installation: Installation,
  ) {}

  @Post()
  @ApiOperation({ summary: 'Defines a module; its slug means one thing for ever' })
  async define(@Req() request: CairnRequest, @Caller() { tenant }: TenantCaller, @Body() body: ModuleBody) {
    const moduleId = moduleIdOf(tenant, body.slug);
    const data = { moduleId, ...plain(body), credits: body.credits ?? 0 };
    const outcome = await this.gateway.send<DefineModule>(request, { type: 'DefineModule', data });
    const id = publicId('mod', moduleId);
    return this.gateway.answer(outcome, { id, location: `/api/modules/${id}` });
  }

  @Patch(':id')
  @ApiOperation({ summary: 'Revises a module; completions keep what they copied' })
  async revise(
    @Req() request: CairnRequest,
    @Caller() { tenant }: TenantCaller,
    @Param('id') id: string,
    @Body() body: ModulePatch,
  ) {
    const moduleId = idOrSlug<ModuleId>('mod', tenant, id);
    const stream = moduleStream(tenant, moduleId);
    const outcome = await mergePatch(request, async (pin) => {
      const { state, revision } = await this.installation.executor.snapshot(moduleFold, stream);
      if (!state.definition) throw new ProblemException('not-found', 'There is no such module.');
      const merged = Object.entries({ ...state.definition, ...plain(body) }).filter(([, value]) => value !== null);
      const data = Object.fromEntries(merged) as ReviseModule['data'];
      const command: Issued<ReviseModule> = { ...this.gateway.contextOf(request), type: 'ReviseModule', data };
      return this.gateway.dispatch(command, pin(revision));
    });
    return this.gateway.answer(outcome, { id: publicId('mod', moduleId) });
  }
}
