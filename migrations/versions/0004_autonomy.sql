-- Outcomes, certificates, audits, levels, memory: what an agent has earned.

-- One row for each scored decision, written when a person has decided it or when it is about to run alone; and, as before,
-- one for each other decision of a person on an action. `counted` is its place in the log of its certificate.
alter table outcome
  alter column answer drop not null,
  add column environment text constraint outcome_environment check (environment in ('local', 'staging', 'production')),
  add column proposal_id text,
  add column artifact text,
  add column alone boolean not null default false,
  add column score double precision,
  add column parts json,
  add column threshold double precision,
  add column why json,
  add column floor double precision,
  add column era integer not null default 0,
  add column chance double precision,
  add column audited boolean not null default false,
  add column diff json,
  add column note text,
  add column better boolean,
  add column counted bigint,
  add column judged_by text,
  add column judged_at timestamptz,
  add constraint outcome_reason check (reason_code in ('wrong_intent', 'generic_pov', 'no_relevance', 'fact', 'voice', 'links', 'other'));
comment on column outcome.propensity is 'chance with which this one was looked at: 1 when a person was asked, the audit coin''s when it ran alone';
comment on column outcome.floor is 'the lowest propensity possible at that moment';
comment on column outcome.era is 'how often autonomy had been taken back when it was scored';
update outcome set environment = thread.environment from thread where thread.id = outcome.thread_id;
alter table outcome alter column environment set not null;
create unique index outcome_of_proposal on outcome (thread_id, proposal_id);
create unique index outcome_log on outcome (tenant, environment, task_type, behaviour_version, counted) where counted is not null;
drop index outcome_history;
create index outcome_history on outcome (tenant, task_type, id desc);
create index outcome_newest on outcome (tenant, environment, task_type, behaviour_version, id desc);
create index operation_of_tool on operation (tenant, tool, started_at desc);

-- What comes later: rankings, conversions, verdicts of people elsewhere. The same line twice is one row.
create table result (
  key        text primary key,
  tenant     text not null,
  thread_id  text not null references thread on delete cascade,
  task_type  text,
  metric     text,
  value      double precision,
  better     boolean,
  verdict    text constraint result_verdict check (verdict in ('right', 'wrong', 'unclear')),
  reason_code text constraint result_reason check (reason_code in ('wrong_intent', 'generic_pov', 'no_relevance', 'fact', 'voice', 'links', 'other')),
  measured_at timestamptz,
  imported_at timestamptz not null default now(),
  imported_by text not null
);
create index result_of_thread on result (thread_id);
create index thread_page on thread ((task ->> 'site'), (task ->> 'slug')) where task ->> 'slug' is not null;

-- Where a task type stands. The row of behaviour version '*' holds what is lowered whatever the version.
create table standing (
  tenant            text not null,
  environment       text not null constraint standing_environment check (environment in ('local', 'staging', 'production')),
  task_type         text not null,
  behaviour_version text not null,
  risk              text not null constraint standing_risk check (risk in ('low', 'normal', 'high')),
  threshold         double precision,
  certificate       json not null,
  watch             json not null,
  era               integer not null default 0,
  counted           bigint not null default 0,
  alone             bigint not null default 0,
  since_raise       bigint not null default 0,
  since_sync        bigint not null default 0,
  quality           json not null,
  signals           json not null default '{}',
  granted           text constraint standing_granted check (granted in ('observe', 'suggest', 'prefill', 'execute')),
  waived            text constraint standing_waived check (waived in ('full', 'checkpoints', 'human_tool', 'matrix')),
  lowered           text constraint standing_lowered check (lowered in ('observe', 'suggest', 'prefill', 'execute')),
  updated_at        timestamptz not null default now(),
  primary key (tenant, environment, task_type, behaviour_version)
);

-- Each change of how far a task type goes alone, with what and who made it.
create table level_change (
  number            bigint generated always as identity primary key,
  tenant            text not null,
  environment       text not null,
  task_type         text not null,
  behaviour_version text not null,
  change            text not null constraint level_change_change check (change in ('certified', 'raised', 'revoked', 'restricted', 'recovered', 'granted', 'lowered', 'lifted')),
  old_level         text constraint level_change_old check (old_level in ('observe', 'suggest', 'prefill', 'execute')),
  new_level         text constraint level_change_new check (new_level in ('observe', 'suggest', 'prefill', 'execute')),
  old_threshold     double precision,
  new_threshold     double precision,
  reason            text not null,
  actor             text not null,
  verified          boolean not null default false,
  thread_id         text,
  at                timestamptz not null default now()
);
create index level_change_newest on level_change (tenant, task_type, number desc);
create trigger level_change_no_update before update on level_change for each row execute function event_is_append_only();

-- What ran alone and is looked at afterwards. No thread waits for it. A planted one shows a proposal known to be wrong.
create table audit (
  number      bigint generated always as identity primary key,
  tenant      text not null,
  outcome     bigint not null references outcome on delete cascade,
  planted     boolean not null default false,
  opened_at   timestamptz not null default now(),
  verdict     text constraint audit_verdict check (verdict in ('right', 'wrong', 'unclear')),
  reason_code text constraint audit_reason check (reason_code in ('wrong_intent', 'generic_pov', 'no_relevance', 'fact', 'voice', 'links', 'other')),
  note        text,
  judged_by   text,
  verified    boolean,
  judged_at   timestamptz,
  unique (outcome, planted)
);
create index audit_open on audit (tenant, number) where verdict is null;

-- What is known of a tenant's world, each with its source. What holds is computed (escalation/memory.py), never stored.
create table fact (
  id        bigint generated always as identity primary key,
  tenant    text not null,
  subject   text not null,
  value     text not null,
  source    text not null,
  trust     text not null constraint fact_trust check (trust in ('person', 'profile', 'trusted', 'untrusted', 'model')),
  at        timestamptz not null,
  stored_at timestamptz not null default now(),
  unique (tenant, subject, value, source, at)
);
create table passage (
  id        bigint generated always as identity primary key,
  tenant    text not null,
  source    text not null,
  trust     text not null constraint passage_trust check (trust in ('person', 'profile', 'trusted', 'untrusted', 'model')),
  text      text not null,
  words     tsvector not null generated always as (to_tsvector('simple', text)) stored,
  stored_at timestamptz not null default now()
);
create unique index passage_once on passage (tenant, md5(source), md5(text));
create index passage_words on passage using gin (words);

alter table event drop constraint event_kind;
alter table event add constraint event_kind check (kind in ('thread_started', 'observation', 'decision', 'policy_check', 'escalation', 'review_requested', 'review_decided', 'review_applied', 'tool_call', 'tool_result', 'commit', 'failure', 'tool_attempt', 'lease_taken', 'postponed', 'stop_requested', 'authority_in_force', 'audit_judged', 'level_changed', 'thread_finished'));
