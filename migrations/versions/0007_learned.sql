-- What is learned of scores, how new a task may be, and who is told when autonomy is taken back.

-- How one behaviour version of a task type is scored where something was learned from its outcomes. `made_of` is the version
-- without it. A row is never changed but for `active`: threads name it by their version for as long as they live.
create table scoring (
  tenant            text not null,
  environment       text not null constraint scoring_environment check (environment in ('local', 'staging', 'production')),
  task_type         text not null,
  behaviour_version text not null,
  made_of           text not null,
  learned           json not null,
  active            boolean not null default true,
  made_by           text not null,
  made_at           timestamptz not null default now(),
  primary key (tenant, environment, task_type, behaviour_version)
);
create trigger scoring_fixed before update of tenant, environment, task_type, behaviour_version, made_of, learned, made_by, made_at on scoring
  for each row execute function event_is_append_only();
create unique index scoring_active on scoring (tenant, environment, task_type, made_of) where active;

alter table standing add column farthest double precision;
comment on column standing.farthest is 'novelty that 99 of 100 tasks had at most which the certificate rests on; what is newer asks';

update standing set farthest = (
  select percentile_disc(0.99) within group (order by (parts ->> 'novelty')::float8) from outcome
  where outcome.tenant = standing.tenant and outcome.environment = standing.environment and outcome.task_type = standing.task_type
    and outcome.behaviour_version = standing.behaviour_version and outcome.era = standing.era
    and counted is not null and verdict = 'right' and score <= standing.threshold)
where threshold is not null;

alter table level_change drop constraint level_change_change;
alter table level_change add constraint level_change_change check (change in ('certified', 'raised', 'revoked', 'restricted', 'recovered', 'rescored', 'granted', 'lowered', 'lifted'));

alter table notification_rule drop constraint notification_rule_occasion;
alter table notification_rule add constraint notification_rule_occasion check (occasion in ('new', 'due', 'overdue', 'digest', 'revoked'));
-- As notification, of changes of levels: written before it is sent, so that it is sent once.
create table level_notification (
  rule   bigint not null references notification_rule on delete cascade,
  change bigint not null references level_change on delete cascade,
  state  text not null default 'sending' constraint level_notification_state check (state in ('sending', 'sent', 'failed')),
  at     timestamptz not null default now(),
  primary key (rule, change)
);
create index level_change_revoked on level_change (number) where change = 'revoked';
