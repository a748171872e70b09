import { Controller, Get, Header, Param } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Public } from './policy.js';
import { PROBLEMS, ProblemException, type ProblemCode } from './problems.js';

/** The `type` of a problem is a page that exists. */
@ApiExcludeController()
@Controller('docs/problems')
@Public()
export class ProblemPagesController {
  @Get()
  @Header('Content-Type', 'text/plain; charset=utf-8')
  list(): string {
    return Object.entries(PROBLEMS)
      .map(([code, { status, title }]) => `${status} ${code}: ${title}`)
      .join('\n');
  }

  @Get(':code')
  @Header('Content-Type', 'text/plain; charset=utf-8')
  show(@Param('code') code: string): string {
    if (!Object.hasOwn(PROBLEMS, code))
      throw new ProblemException('not-found', `There is no problem "${code.slice(0, 60)}".`);
    const { status, title, next } = PROBLEMS[code as ProblemCode];
    return `${code}\n\n${title} (HTTP ${status}).\n\nWhat to do: ${next}\n`;
  }
}
