-- Closed vocabularies are checked here in the words of core/vocabulary.py; a test compares the two.

create table thread (
  id                 text primary key,
  tenant             text not null,
  domain             text not null,
  subject            text not null,
  status             text not null default 'queued'
                     constraint thread_status check (status in ('queued', 'running', 'waiting', 'taken_over', 'done', 'failed', 'stopped')),
  environment        text not null constraint thread_environment check (environment in ('local', 'staging', 'production')),
  task               json not null,
  requester          text not null,
  model              text not null,
  graph_version      integer not null,
  release            text not null,
  behaviour_versions jsonb not null,
  ending             json,
  priority           integer not null default 0,
  due_at             timestamptz,
  wake               bigint not null default 0,
  wake_at            timestamptz,
  lease_owner        text,
  lease_until        timestamptz,
  epoch              bigint not null default 0,
  last_seq           bigint not null default 0,
  last_hash          text not null default repeat('0', 64),
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now()
);
create index thread_newest on thread (tenant, created_at desc);
create index thread_runnable on thread (status, priority desc, created_at) where status in ('queued', 'running');

create table event (
  thread_id     text not null references thread on delete cascade,
  seq           bigint not null,
  tenant        text not null,
  kind          text not null
                constraint event_kind check (kind in ('thread_started', 'observation', 'decision', 'policy_check', 'escalation', 'review_requested', 'review_decided', 'review_applied', 'tool_call', 'tool_result', 'commit', 'failure', 'lease_taken', 'thread_finished')),
  class         text not null constraint event_class check (class in ('decided', 'observed')),
  actor         text not null,
  at            timestamptz not null,
  checkpoint_id text,
  body          json not null,
  prev_hash     text not null,
  hash          text not null,
  primary key (thread_id, seq)
);

-- Append-only: the chain finds a change, this prevents an honest mistake.
create function event_is_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'events are append-only';
end $$;
create trigger event_no_update before update on event for each row execute function event_is_append_only();

create table review (
  number        bigint generated always as identity primary key,
  tenant        text not null,
  thread_id     text not null references thread on delete cascade,
  kind          text not null
                constraint review_kind check (kind in ('action', 'question', 'conflict', 'unknown_effect', 'blocker', 'audit')),
  state         text not null default 'open'
                constraint review_state check (state in ('open', 'decided', 'released', 'expired', 'withdrawn')),
  interrupt_id  text not null,
  checkpoint_id text not null,
  task_type     text not null,
  action_hash   text not null,
  request       json not null,
  opened_at     timestamptz not null default now(),
  due_at        timestamptz,
  claimed_by    text,
  claimed_until timestamptz,
  answer        text constraint review_answer check (answer in ('approve', 'edit', 'reject', 'answer', 'happened', 'did_not_happen', 'abandon', 'take_over', 'hand_back', 'right', 'wrong', 'unclear')),
  decision      json,
  decided_hash  text,
  decided_by    text,
  decided_at    timestamptz,
  verified      boolean,
  unique (thread_id, interrupt_id)
);
create index review_inbox on review (tenant, number desc) where state = 'open';
create index review_approved on review (thread_id, decided_hash) where answer in ('approve', 'edit');

create table operation (
  key          text primary key,
  tenant       text not null,
  thread_id    text not null references thread on delete cascade,
  tool         text not null,
  proposal_id  text not null,
  request_hash text not null,
  state        text not null
               constraint operation_state check (state in ('started', 'succeeded', 'failed', 'unknown')),
  fence        bigint not null default 1,
  attempt      integer not null default 1,
  results      json,
  summary      text,
  failure      json,
  started_at   timestamptz not null default now(),
  finished_at  timestamptz
);
create index operation_of_thread on operation (thread_id);

create table artifact (
  tenant     text not null,
  sha256     text not null,
  media      text not null,
  source     text not null,
  trust      text not null constraint artifact_trust check (trust in ('person', 'profile', 'trusted', 'untrusted', 'model')),
  content    text not null,
  created_at timestamptz not null default now(),
  primary key (tenant, sha256)
);

create table document (
  thread_id  text not null references thread on delete cascade,
  name       text not null,
  revision   integer not null,
  tenant     text not null,
  sha256     text not null,
  created_at timestamptz not null default now(),
  primary key (thread_id, name, revision)
);

create table model_call (
  id            text primary key,
  tenant        text not null,
  thread_id     text not null references thread on delete cascade,
  task_id       text not null,
  attempt       integer not null,
  purpose       text not null,
  model         text not null,
  parameters    json not null,
  messages      json not null,
  answer        json,
  error         text,
  input_tokens  integer,
  output_tokens integer,
  cost          numeric,
  started_at    timestamptz not null,
  latency_ms    double precision not null
);
create index model_call_of_thread on model_call (thread_id, started_at);

create table outcome (
  id                bigint generated always as identity primary key,
  tenant            text not null,
  thread_id         text not null references thread on delete cascade,
  review            bigint references review,
  task_type         text not null,
  behaviour_version text not null,
  proposal_hash     text not null,
  final_hash        text,
  answer            text not null,
  changed           boolean not null,
  verdict           text constraint outcome_verdict check (verdict in ('right', 'wrong', 'unclear')),
  reason_code       text,
  propensity        double precision,
  actor             text not null,
  at                timestamptz not null default now()
);
create index outcome_history on outcome (tenant, task_type);

-- LangGraph's tables as langgraph-checkpoint-postgres 3.2.0 makes them; its own setup() then has nothing to do.
create table checkpoint_migrations (v integer primary key);
create table checkpoints (
  thread_id            text not null,
  checkpoint_ns        text not null default '',
  checkpoint_id        text not null,
  parent_checkpoint_id text,
  type                 text,
  checkpoint           jsonb not null,
  metadata             jsonb not null default '{}',
  primary key (thread_id, checkpoint_ns, checkpoint_id)
);
create table checkpoint_blobs (
  thread_id     text not null,
  checkpoint_ns text not null default '',
  channel       text not null,
  version       text not null,
  type          text not null,
  blob          bytea,
  primary key (thread_id, checkpoint_ns, channel, version)
);
create table checkpoint_writes (
  thread_id     text not null,
  checkpoint_ns text not null default '',
  checkpoint_id text not null,
  task_id       text not null,
  idx           integer not null,
  channel       text not null,
  type          text,
  blob          bytea not null,
  task_path     text not null default '',
  primary key (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
);
create index checkpoints_thread_id_idx on checkpoints (thread_id);
create index checkpoint_blobs_thread_id_idx on checkpoint_blobs (thread_id);
create index checkpoint_writes_thread_id_idx on checkpoint_writes (thread_id);
insert into checkpoint_migrations select generate_series(0, 9);
