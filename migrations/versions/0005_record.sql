-- Failures, replays, forks: what a thread did.

alter table thread add column fork json;
comment on column thread.fork is 'for a copy: of which thread, from which checkpoint, what was edited, and whether its tools reach outside';

-- Which release made a call: a thread may be begun by one and carried on by another.
alter table model_call add column release text not null default '';

-- A person who has taken a blocker over; the review stays open until they hand it back or abandon it.
alter table review
  add column taken_over_by text,
  add column taken_over_at timestamptz;

-- What a person entered for one tool, encrypted with a key that is not in the database, until that tool has it.
create table secret (
  thread_id text not null references thread on delete cascade,
  tool      text not null,
  name      text not null,
  tenant    text not null,
  sealed    bytea not null,
  given_by  text not null,
  given_at  timestamptz not null default now(),
  primary key (thread_id, tool, name)
);
create function secrets_end_with_their_thread() returns trigger language plpgsql as $$
begin
  delete from secret where thread_id = new.id;
  return null;
end $$;
create trigger thread_forgets_secrets after update of status on thread for each row
when (new.status in ('done', 'stopped')) execute function secrets_end_with_their_thread();

create index event_failure on event (at desc) where kind = 'failure';
