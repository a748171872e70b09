// Authentication and the route's policy, in one place. Whatever goes wrong here denies.
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { hash, timingSafeEqual } from 'node:crypto';
import type { Configuration } from './configuration.js';
import { POLICY, type Policy } from './policy.js';
import type { Principal, PrincipalSource } from './principal.js';
import { ProblemException } from './problems.js';
import type { CairnRequest } from './request.js';
import { CONFIGURATION, PRINCIPALS } from './tokens.js';

@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    @Inject(PRINCIPALS) private readonly principals: PrincipalSource,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const policy = this.reflector.getAllAndOverride<Policy | undefined>(POLICY, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (policy === undefined) throw new TypeError('this route declares no policy');
    if (policy === 'public') return true;
    const request = context.switchToHttp().getRequest<CairnRequest>();
    const principal = await this.authenticate(request.headers.authorization);
    if (policy === 'operator') {
      if (principal.kind !== 'operator') throw new ProblemException('scope-missing', 'Only the operator may do this.');
    } else {
      if (principal.kind !== 'key')
        throw new ProblemException('scope-missing', `This needs a tenant's API key with the scope ${policy.scope}.`);
      if (!principal.scopes.includes(policy.scope))
        throw new ProblemException('scope-missing', `This needs the scope ${policy.scope}.`);
    }
    request.principal = principal;
    return true;
  }

  private async authenticate(header: string | undefined): Promise<Principal> {
    const token = bearerOf(header);
    if (token === undefined)
      throw new ProblemException('authentication-required', 'The Authorization header holds no bearer token.');
    if (isOperator(header, this.configuration)) return { kind: 'operator', actor: 'service:operator' };
    const principal = await this.principals.resolve(token);
    if (typeof principal === 'object') return principal;
    throw new ProblemException('token-invalid', `The API key is ${principal}.`);
  }
}

/** Whether a request's Authorization header holds the operator's token. */
export function isOperator(header: string | undefined, configuration: Configuration): boolean {
  const token = bearerOf(header);
  if (token === undefined) return false;
  let expected = operatorDigests.get(configuration);
  if (!expected) operatorDigests.set(configuration, (expected = digestOf(configuration.operatorToken)));
  return timingSafeEqual(digestOf(token), expected);
}

const bearerOf = (header: string | undefined): string | undefined =>
  /^Bearer ([\x21-\x7e]{1,400})$/i.exec(header ?? '')?.[1];

/** Texts of different lengths are compared by their digests, so that the time taken tells nothing. */
const digestOf = (text: string): Buffer => hash('sha256', text, 'buffer');
const operatorDigests = new WeakMap<Configuration, Buffer>();
