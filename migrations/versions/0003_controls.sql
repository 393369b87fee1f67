-- What a thread and an agent (tenant/domain) may use up. `limit` is what was configured when the row was last touched,
-- `granted` what people allowed beyond it. Half of each page is left free: these rows are updated by every call.
create table spend (
  scope      text not null,
  unit       text not null
             constraint spend_unit check (unit in ('irreversible', 'action_cost', 'calls', 'tokens', 'money', 'steps', 'repeats', 'attempts')),
  "window"   text not null,
  "limit"    bigint not null,
  granted    bigint not null default 0 check (granted >= 0),
  reserved   bigint not null default 0 check (reserved >= 0),
  used       bigint not null default 0 check (used >= 0),
  begun_at   timestamptz not null default now(),
  primary key (scope, unit, "window")
) with (fillfactor = 50);

-- What is reserved, and by whom: an operation that is under way or unknown, or a model call. `until` is when a model call
-- without an answer counts as spent in full.
create table spend_hold (
  holder   text not null,
  scope    text not null,
  unit     text not null,
  "window" text not null,
  amount   bigint not null check (amount > 0),
  until    timestamptz,
  primary key (holder, scope, unit, "window"),
  foreign key (scope, unit, "window") references spend on delete cascade
);
create index spend_hold_of_row on spend_hold (scope, unit, "window") where until is not null;

-- Who switched lockdown on and off, for which domain and environment (null: every one). The last line of a pair holds.
create table lockdown (
  number      bigint generated always as identity primary key,
  domain      text,
  environment text constraint lockdown_environment check (environment in ('local', 'staging', 'production')),
  state       text not null constraint lockdown_state check (state in ('on', 'off')),
  reason      text not null,
  actor       text not null,
  verified    boolean not null,
  at          timestamptz not null default now()
);
create trigger lockdown_no_update before update or delete on lockdown for each row execute function event_is_append_only();

-- Who may do what for which tenant (* is every tenant). No row at all: nobody has been given a role yet.
create table role (
  person text not null,
  tenant text not null default '*',
  role   text not null constraint role_role check (role in ('viewer', 'reviewer', 'publisher', 'admin')),
  set_by text not null,
  set_at timestamptz not null default now(),
  primary key (person, tenant)
);

-- What the person said who wants a thread stopped; kept beside `stop_requested_by`, so that many can be asked at once.
alter table thread add column stop_message text not null default '';

alter table event drop constraint event_kind;
alter table event add constraint event_kind check (kind in ('thread_started', 'observation', 'decision', 'policy_check', 'escalation', 'review_requested', 'review_decided', 'review_applied', 'tool_call', 'tool_result', 'commit', 'failure', 'tool_attempt', 'lease_taken', 'postponed', 'stop_requested', 'authority_in_force', 'thread_finished'));
