// The policy of a route. A route without one fails a test, and answers 500 at run time: deny by default.
import { SetMetadata, type CustomDecorator } from '@nestjs/common';

export type Policy = 'public' | 'operator' | { readonly scope: string };
export const POLICY = 'cairn:policy';

/** Anyone may, without login. */
export const Public = (): CustomDecorator => SetMetadata(POLICY, 'public' satisfies Policy);
/** The installation's operator only. */
export const OperatorOnly = (): CustomDecorator => SetMetadata(POLICY, 'operator' satisfies Policy);
/** A key with this scope. */
export const RequireScope = (scope: string): CustomDecorator => SetMetadata(POLICY, { scope } satisfies Policy);
