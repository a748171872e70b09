// The credentials that we issue, as readonly data: Open Badges 3.0 over the Verifiable Credentials Data Model 2.0.
// What others issue may look different; it is read as plain JSON and judged by check.ts and verify.ts.

/** `YYYY-MM-DDThh:mm:ssZ`: whole seconds, UTC. */
export type WholeSecond = string;

export type Image = { readonly id: string; readonly type: 'Image'; readonly caption?: string };

export type Alignment = {
  readonly type: readonly ['Alignment'];
  readonly targetName: string;
  readonly targetUrl: string;
  /** `CFItem`, `ceterms:Credential`, … (closed list) or `ext:…`. */
  readonly targetType?: string;
  readonly targetFramework?: string;
  readonly targetCode?: string;
  readonly targetDescription?: string;
};

export type RubricCriterionLevel = {
  readonly id: string;
  readonly type: readonly ['RubricCriterionLevel'];
  readonly name: string;
  readonly description?: string;
  readonly level?: string;
  readonly points?: string;
};

export type ResultDescription = {
  readonly id: string;
  readonly type: readonly ['ResultDescription'];
  readonly name: string;
  /** `LetterGrade`, `Percent`, `Status`, … (closed list) or `ext:…`. */
  readonly resultType: string;
  /** In order, the lowest first. */
  readonly allowedValue?: readonly string[];
  readonly requiredValue?: string;
  readonly valueMin?: string;
  readonly valueMax?: string;
  /** Id of one of `rubricCriterionLevel`. */
  readonly requiredLevel?: string;
  readonly rubricCriterionLevel?: readonly RubricCriterionLevel[];
};

export type Criteria = { readonly id?: string; readonly narrative?: string };

export type Achievement = {
  readonly id: string;
  readonly type: readonly ['Achievement'];
  /** `Certificate`, `MicroCredential`, … (closed list) or `ext:…`. */
  readonly achievementType?: string;
  readonly name: string;
  readonly description: string;
  readonly version?: string;
  /** At least one of link and narrative (Markdown). */
  readonly criteria: Criteria;
  readonly image?: Image;
  readonly alignment?: readonly Alignment[];
  readonly resultDescription?: readonly ResultDescription[];
  readonly tag?: readonly string[];
};

export type Result = {
  readonly type: readonly ['Result'];
  /** Id of a result description of the same achievement. */
  readonly resultDescription: string;
  /** A text, also for numbers. */
  readonly value?: string;
  /** Required if the description's type is `Status`. */
  readonly status?: string;
  readonly achievedLevel?: string;
};

export type IdentityObject = {
  readonly type: 'IdentityObject';
  readonly identityType: string;
  readonly hashed: boolean;
  readonly salt?: string;
  readonly identityHash: string;
};

export type AchievementSubject = {
  readonly id?: string;
  readonly type: readonly ['AchievementSubject'];
  readonly identifier?: readonly IdentityObject[];
  readonly image?: Image;
  readonly creditsEarned?: number;
  readonly achievement: Achievement;
  readonly result?: readonly Result[];
};

export type IssuerProfile = {
  readonly id: string;
  readonly type: readonly ['Profile'];
  readonly name: string;
  readonly url?: string;
};

export type Evidence = {
  readonly id: string;
  readonly type: readonly ['Evidence'];
  readonly name?: string;
  readonly description?: string;
  readonly narrative?: string;
};

export type StatusEntry = {
  readonly id: string;
  readonly type: 'BitstringStatusListEntry';
  readonly statusPurpose: 'revocation' | 'suspension';
  /** Base 10. */
  readonly statusListIndex: string;
  readonly statusListCredential: string;
};

/** Without proof: the same content is signed as VC-JWT or gets an embedded proof. */
export type AchievementCredential = {
  readonly '@context': readonly string[];
  readonly id: string;
  readonly type: readonly ['VerifiableCredential', 'OpenBadgeCredential'];
  readonly name: string;
  readonly description?: string;
  readonly issuer: IssuerProfile;
  /** When it was first awarded; a renewal keeps it. */
  readonly awardedDate: WholeSecond;
  /** Of this signed copy. */
  readonly validFrom: WholeSecond;
  /** First instant of no validity (half-open). */
  readonly validUntil?: WholeSecond;
  readonly credentialSubject: AchievementSubject;
  readonly evidence?: readonly Evidence[];
  readonly credentialSchema: readonly [{ readonly id: string; readonly type: string }];
  readonly credentialStatus?: StatusEntry;
  readonly refreshService?: { readonly id: string; readonly type: '1EdTechCredentialRefresh' };
};

/** A status list to sign (Bitstring Status List v1.0, §2.2). The issuer is its DID as plain text: suites expect that. */
export type StatusListCredential = {
  readonly '@context': readonly string[];
  /** URL at which it is served. */
  readonly id: string;
  readonly type: readonly ['VerifiableCredential', 'BitstringStatusListCredential'];
  readonly issuer: string;
  readonly validFrom: WholeSecond;
  readonly credentialSubject: {
    readonly id: string;
    readonly type: 'BitstringStatusList';
    readonly statusPurpose: StatusEntry['statusPurpose'];
    readonly encodedList: string;
    /** Milliseconds for which a verifier may keep it. */
    readonly ttl: number;
  };
};

/** What a `/a/…` address answers to programs: the achievement of the signed copies, readable on its own. */
export type AchievementDocument = Achievement & { readonly '@context': readonly string[] };

/** What is wrong, and where (JSON Pointer, RFC 6901). `code` is stable. */
export type Fault = { readonly pointer: string; readonly code: string; readonly message: string };

type Untyped<T> = Omit<T, 'type'>;

export type ResultDescriptionInput = Omit<Untyped<ResultDescription>, 'rubricCriterionLevel'> & {
  readonly rubricCriterionLevel?: readonly Untyped<RubricCriterionLevel>[];
};

export type AchievementInput = Omit<Untyped<Achievement>, 'image' | 'alignment' | 'resultDescription'> & {
  readonly image?: Untyped<Image>;
  readonly alignment?: readonly Untyped<Alignment>[];
  readonly resultDescription?: readonly ResultDescriptionInput[];
};

/** Hashed if there is a salt; a salt is random and per credential (at least 128 bits). */
export type IdentityInput = { readonly identityType: string; readonly identity: string; readonly salt?: string };

/** What a caller says; the builder adds contexts, types and order. Instants may have fractions: they are cut off. */
export type CredentialInput = {
  /** HTTPS, not guessable, stable over renewals, leads to the verification page. */
  readonly id: string;
  readonly name: string;
  readonly description?: string;
  /** `id` is the DID that controls the signing key. */
  readonly issuer: Untyped<IssuerProfile>;
  readonly awardedDate: string;
  readonly validFrom: string;
  readonly validUntil?: string;
  readonly subject: {
    /** Holder DID or an opaque `urn:uuid:`; never the learner's id. */
    readonly id?: string;
    readonly identifiers?: readonly IdentityInput[];
    readonly image?: Untyped<Image>;
    readonly creditsEarned?: number;
    readonly results?: readonly Untyped<Result>[];
  };
  readonly achievement: AchievementInput;
  readonly evidence?: readonly Untyped<Evidence>[];
  readonly status?: {
    readonly listUrl: string;
    readonly index: number;
    readonly purpose: StatusEntry['statusPurpose'];
  };
  /** URL where a renewed copy of the same credential is served. */
  readonly refreshUrl?: string;
};
