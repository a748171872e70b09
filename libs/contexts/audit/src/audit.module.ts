import { Module } from '@nestjs/common';
import type { EventDefinition } from '@cairn/kernel';
import { defineContext } from '@cairn/platform';
import { auditProjection } from './projections/audit.projection.js';
import { OperationRoutes } from './queries/operations.js';
import { AuditController, TrailHandler } from './queries/trail.js';

/** `definitions`: the events of all contexts. */
export const auditContext = (definitions: readonly EventDefinition[]) =>
  defineContext({
    name: 'audit',
    events: [],
    deciders: [],
    projections: [auditProjection(definitions)],
    reactors: [],
    messages: [],
  });

@Module({ controllers: [AuditController, OperationRoutes], providers: [TrailHandler] })
export class AuditModule {}
