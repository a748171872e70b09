// Names that the standards fix: contexts, closed lists, and which terms the pinned contexts define.
// Sources: Open Badges 3.0 (1EdTech) JSON Schema and context 3.0.3, its extensions context, and the context of the
// Verifiable Credentials Data Model 2.0 (W3C). Nothing here is ever loaded at run time.

export const VC_V2 = 'https://www.w3.org/ns/credentials/v2';
export const VC_V1 = 'https://www.w3.org/2018/credentials/v1';
const OB_CONTEXT = 'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json';
export const EXTENSIONS_CONTEXT = 'https://purl.imsglobal.org/spec/ob/v3p0/extensions.json';
export const OB_SCHEMA_URL =
  'https://purl.imsglobal.org/spec/ob/v3p0/schema/json/ob_v3p0_achievementcredential_schema.json';

/** In this order, always: the third defines the `1EdTech…` types. */
export const CONTEXTS = [VC_V2, OB_CONTEXT, EXTENSIONS_CONTEXT] as const;

export const OB_CONTEXT_PATTERN = /^https:\/\/purl\.imsglobal\.org\/spec\/ob\/v3p0\/context(-3\.\d\.\d)*\.json$/;
export const CLR_CONTEXT_PATTERN = /^https:\/\/purl\.imsglobal\.org\/spec\/clr\/v2p0\/context(-2\.\d\.\d)*\.json$/;

/** Contexts whose terms are in the table below; any other one makes the check of terms `unknown`. */
export const PINNED_CONTEXTS: ReadonlySet<string> = new Set(CONTEXTS);

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const ACHIEVEMENT_TYPES =
  words(`Achievement ApprenticeshipCertificate Assessment Assignment AssociateDegree Award
  Badge BachelorDegree Certificate CertificateOfCompletion Certification CommunityService Competency Course CoCurricular
  Degree Diploma DoctoralDegree Fieldwork GeneralEducationDevelopment JourneymanCertificate LearningProgram License
  Membership ProfessionalDoctorate QualityAssuranceCredential MasterCertificate MasterDegree MicroCredential
  ResearchDoctorate SecondarySchoolDiploma`);
export const IDENTIFIER_TYPES = words(`name sourcedId systemId productId userName accountId emailAddress
  nationalIdentityNumber isbn issn lisSourcedId oneRosterSourcedId sisSourcedId ltiContextId ltiDeploymentId ltiToolId
  ltiPlatformId ltiUserId identifier`);
export const ALIGNMENT_TARGET_TYPES = words(`ceasn:Competency ceterms:Credential CFItem CFRubric CFRubricCriterion
  CFRubricCriterionLevel CTDL`);
export const RESULT_TYPES = words(`GradePointAverage LetterGrade Percent PerformanceLevel PredictedScore RawScore Result
  RubricCriterion RubricCriterionLevel RubricScore ScaledScore Status`);
export const RESULT_STATUSES = words(`Completed Enrolled Failed InProgress OnHold Provisional Withdrew`);
/** What an open list may be extended by. The schema's own pattern does not allow a dash right after the colon. */
export const EXTENSION = /^ext:[A-Za-z0-9._][A-Za-z0-9._-]*$/;

/** Terms defined for every node (VC 2.0 and OB 3.0.3). */
export const GLOBAL_TERMS: ReadonlySet<string> = new Set(
  words(`id type name description digestMultibase digestSRI mediaType
    alignment endorsement image inLanguage narrative url awardedDate
    aud cnf exp iat iss jku kid nbf sub x5u _sd _sd_alg ...`),
);

const terms = (text = ''): ReadonlySet<string> => new Set(text ? words(text) : []);
const CREDENTIAL_TERMS = `confidenceMethod credentialSchema credentialStatus credentialSubject evidence issuer proof
  refreshService relatedResource renderMethod termsOfUse validFrom validUntil`;

/** Further terms of a node, by its types (JSON-LD type-scoped contexts). A type that is not here is undefined. */
export const TERMS_BY_TYPE: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['VerifiableCredential', terms(CREDENTIAL_TERMS)],
  ['OpenBadgeCredential', terms()],
  ['AchievementCredential', terms()],
  ['EndorsementCredential', terms()],
  [
    'Achievement',
    terms(`achievementType creator creditsAvailable criteria fieldOfStudy humanCode otherIdentifier related
      resultDescription specialization tag version`),
  ],
  [
    'AchievementSubject',
    terms(
      `achievement activityEndDate activityStartDate creditsEarned identifier licenseNumber result role source term`,
    ),
  ],
  [
    'Address',
    terms(`addressCountry addressCountryCode addressLocality addressRegion geo postOfficeBoxNumber postalCode
      streetAddress`),
  ],
  ['Alignment', terms(`targetCode targetDescription targetFramework targetName targetType targetUrl`)],
  ['Criteria', terms()],
  ['EndorsementSubject', terms(`endorsementComment`)],
  ['Evidence', terms(`audience genre`)],
  ['GeoCoordinates', terms(`latitude longitude`)],
  ['IdentifierEntry', terms(`identifier identifierType`)],
  ['IdentityObject', terms(`hashed identityHash identityType salt`)],
  ['Image', terms(`caption`)],
  [
    'Profile',
    terms(`additionalName address dateOfBirth email familyName familyNamePrefix givenName honorificPrefix
      honorificSuffix otherIdentifier parentOrg patronymicName phone official`),
  ],
  ['Related', terms(`version`)],
  ['Result', terms(`achievedLevel resultDescription status value`)],
  [
    'ResultDescription',
    terms(`allowedValue requiredLevel requiredValue resultType rubricCriterionLevel valueMax valueMin`),
  ],
  ['RubricCriterionLevel', terms(`level points`)],
  [
    'BitstringStatusListEntry',
    terms(`statusListCredential statusListIndex statusPurpose statusMessage statusReference statusSize`),
  ],
  ['BitstringStatusListCredential', terms()],
  ['BitstringStatusList', terms(`encodedList statusPurpose ttl`)],
  [
    'DataIntegrityProof',
    terms(
      `challenge created cryptosuite domain expires nonce previousProof proofPurpose proofValue verificationMethod`,
    ),
  ],
  ['JsonSchema', terms(`jsonSchema`)],
  ['JsonSchemaCredential', terms()],
]);

/** Types of the extensions context. */
export const EXTENSION_TYPES: ReadonlySet<string> = new Set(
  words(`1EdTechJsonSchemaValidator2019 1EdTechRevocationList 1EdTechCredentialRefresh`),
);
