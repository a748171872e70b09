// Injection tokens.
/** {@link Installation}: stores, executor, runners. */
export const INSTALLATION = Symbol('installation');
/** {@link PrincipalSource}: provided by the tenancy context. */
export const PRINCIPALS = Symbol('principals');
/** The {@link Configuration}. */
export const CONFIGURATION = Symbol('configuration');
