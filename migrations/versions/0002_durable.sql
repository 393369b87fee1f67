-- A batch is one file of keywords; its threads refer to it. `batch_key` keeps a keyword from being added twice.
create table batch (
  number     bigint generated always as identity primary key,
  tenant     text not null,
  domain     text not null,
  file_name  text not null,
  requester  text not null,
  paused     boolean not null default false,
  created_at timestamptz not null default now()
);

alter table thread
  add column batch bigint references batch,
  add column batch_key text,
  add column postponed integer not null default 0,
  add column stop_requested_by text;
create unique index thread_batch_key on thread (tenant, domain, batch_key) where batch_key is not null;
create index thread_of_batch on thread (batch, status) where batch is not null;
drop index thread_runnable;
create index thread_fresh on thread (tenant, coalesce(batch, 0), priority desc, due_at, created_at) where status = 'queued' and epoch = 0 and wake_at is null;
create index thread_begun on thread (tenant, priority desc, due_at, created_at) where status in ('queued', 'running') and epoch > 0 and wake_at is null;
create index thread_newest_of_all on thread (created_at desc, id);
create index thread_newest_of_status on thread (status, created_at desc, id);
create index thread_scheduled on thread (tenant, wake_at) where wake_at is not null;

alter table event drop constraint event_kind;
alter table event add constraint event_kind check (kind in ('thread_started', 'observation', 'decision', 'policy_check', 'escalation', 'review_requested', 'review_decided', 'review_applied', 'tool_call', 'tool_result', 'commit', 'failure', 'tool_attempt', 'lease_taken', 'postponed', 'stop_requested', 'thread_finished'));

create index review_decided on review (thread_id) where state = 'decided';
create index review_open on review (number desc) where state = 'open';

-- An operation may be opened again by a person as its next revision; the highest one is in force.
alter table operation
  add column revision integer not null default 1,
  add column epoch bigint,
  add column deadline timestamptz,
  add column first_sent_at timestamptz;
comment on column operation.epoch is 'lease of the run that has an attempt under way; null while none is';
comment on column operation.deadline is 'when an attempt that is under way can no longer take effect';
alter table operation drop constraint operation_pkey;
alter table operation add primary key (key, revision);
create index operation_unsettled on operation (state, started_at) where state in ('started', 'unknown');

create table operation_history (
  id        bigint generated always as identity primary key,
  key       text not null,
  revision  integer not null,
  thread_id text not null,
  fence     bigint not null,
  attempt   integer not null,
  said      text not null constraint operation_history_said check (said in ('started', 'succeeded', 'refused', 'not_sent', 'unknown', 'taken_over', 'found', 'absent', 'happened', 'did_not_happen', 'abandoned', 'revised')),
  actor     text not null,
  detail    json,
  at        timestamptz not null default now(),
  foreign key (key, revision) references operation on delete cascade
);
create index operation_history_of on operation_history (key, revision, id);
create trigger operation_history_no_update before update on operation_history for each row execute function event_is_append_only();

-- What is kept for how long. `used_at` is refreshed when the same content is put again, so that what a running thread has
-- just put is never taken for forgotten; `refers` are the artifacts that an artifact names, such as the pages of a fetch.
alter table artifact
  add column used_at timestamptz not null default now(),
  add column refers text[] not null default '{}';
update artifact set refers = array(select distinct found[1] from regexp_matches(content, '[0-9a-f]{64}', 'g') as found)
where media = 'application/json' and content ~ '[0-9a-f]{64}';
alter table thread add column pruned_at timestamptz;
-- Over columns that no superstep changes, so that updates of a running thread touch no index.
create index thread_unpruned on thread (id) where pruned_at is null and status in ('done', 'stopped');

-- The primary keys of LangGraph's tables begin with the thread; a second index on it alone only costs room.
drop index checkpoints_thread_id_idx, checkpoint_blobs_thread_id_idx, checkpoint_writes_thread_id_idx;

-- Whether a thread has a job is asked for every thread that could run, by the sweep and by each fetch.
create index job_of_thread on procrastinate_jobs (lock) where status in ('todo', 'doing');
