// A parameter that a route does not know is refused, never ignored: whoever sends `?asOf=` to a route without it would
// take today's answer for that day's. Routes with a query DTO leave it to the validation pipe; this is for the others.
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { CairnRequest } from './request.js';
import { validationProblem } from './validation.js';

@Injectable()
export class QueryGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const given = Object.keys(context.switchToHttp().getRequest<CairnRequest>().query as object);
    if (given.length === 0) return true;
    const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ??
      {}) as object;
    if (Object.keys(args).some((key) => key.startsWith(`${RouteParamtypes.QUERY}:`))) return true;
    throw validationProblem(
      given.map((name) => ({
        pointer: `/${name}`,
        code: 'unknown-field',
        message: 'is not a parameter of this route, which takes none in its query',
      })),
    );
  }
}
