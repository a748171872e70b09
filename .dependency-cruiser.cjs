// The layer rules of the architecture, as errors.
const pure = '^libs/contexts/[^/]+/src/(domain|contracts|projections|reactors)/';
const only = (name, target, homes) => ({
  name,
  severity: 'error',
  from: { pathNot: homes },
  to: { path: target },
});

module.exports = {
  forbidden: [
    {
      name: 'kernel-imports-nothing',
      severity: 'error',
      from: { path: '^libs/kernel/', pathNot: 'spec\\.ts$' },
      to: { pathNot: '^libs/kernel/|^(node:)?crypto$' }, // hashing is pure
    },
    {
      name: 'rules-import-kernel',
      severity: 'error',
      from: { path: '^libs/rules/', pathNot: 'spec\\.ts$' },
      to: { pathNot: '^libs/(kernel|rules)/' },
    },
    {
      name: 'contexts-are-pure',
      severity: 'error',
      from: { path: pure, pathNot: 'spec\\.ts$' },
      to: { pathNot: '^libs/(kernel|rules|openbadges|contexts)/' },
    },
    {
      name: 'contexts-meet-at-index',
      severity: 'error',
      from: { path: '^libs/contexts/([^/]+)/' },
      to: { path: '^libs/contexts/', pathNot: '^libs/contexts/($1/|[^/]+/src/index\\.ts$)' },
    },
    only('esdb-behind-its-port', 'node_modules/@eventstore/', '^(libs/eventlog/src/eventstoredb|libs/testing|test)/'),
    only(
      'mongodb-behind-its-port',
      'node_modules/mongodb/',
      '^(libs/(readmodel|vault)/src/mongodb|libs/testing|test)/',
    ),
    only('nodemailer-behind-its-port', 'node_modules/nodemailer/', '^libs/mail/'),
    only('sqlite-behind-its-port', '^(node:)?sqlite$', '/sqlite/'),
    only(
      'nest-at-the-edge',
      'node_modules/@nestjs/',
      '^(apps|test|libs/platform)/|^libs/contexts/[^/]+/src/((commands|queries)/|[^/]+\\.module\\.ts$)',
    ),
    { name: 'apps-are-leaves', severity: 'error', from: { pathNot: '^(apps|test)/' }, to: { path: '^apps/' } },
    {
      name: 'testing-in-specs-only',
      severity: 'error',
      from: { pathNot: 'spec\\.ts$|/spec/|^(test|libs/testing)/' },
      to: { path: '^libs/testing/' },
    },
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: 'spec\\.ts$|/main\\.ts$' }, to: {} },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
