-- Roles, drafts, notifications: the people of the console.

-- What the inbox sorts and filters by stands beside the review, so that one narrow index answers for ten thousand of them.
-- `reason` is why a person was asked, in one word: the failure, the rule, or the score. `weight` times the time it has
-- waited is its urgency.
alter table review
  add column subject text not null default '',
  add column priority integer not null default 0,
  add column batch bigint,
  add column assignee text,
  add column effective_at timestamptz,
  add column tier text generated always as (request ->> 'tier') stored,
  add column reason text generated always as (
    case when kind <> 'action' then coalesce(request ->> 'failure_class', kind)
         else coalesce(request ->> 'reason', 'score') end) stored,
  add column weight real generated always as (
    (1 + greatest(priority, 0)) * case request ->> 'risk' when 'high' then 4 when 'low' then 1 else 2 end) stored,
  add column words tsvector generated always as (to_tsvector('simple',
    left(subject || ' ' || tenant || ' ' || thread_id || ' ' || task_type || ' r-' || number || ' '
         || coalesce(request -> 'action_requests' -> 0 ->> 'description', '') || ' ' || coalesce(request ->> 'why', ''), 20000))) stored;
comment on column review.effective_at is 'until then a decision can be taken back, and no run takes it up; null: at once';
update review set subject = thread.subject, priority = thread.priority, batch = thread.batch, due_at = coalesce(review.due_at, thread.due_at)
from thread where thread.id = review.thread_id and review.state = 'open';
create index review_urgent on review (weight, opened_at, number) include (tenant, kind, task_type, tier, reason, assignee, batch) where state = 'open';
create index review_words on review using gin (words) where state = 'open';
create index review_of_thread on review (thread_id, number);

-- What each person has opened, and what they have typed and not sent.
create table review_seen (
  person text not null,
  review bigint not null references review on delete cascade,
  at     timestamptz not null default now(),
  primary key (person, review)
);
create table review_draft (
  person   text not null,
  review   bigint not null references review on delete cascade,
  typed    json not null,
  saved_at timestamptz not null default now(),
  primary key (person, review)
);

-- Who is told of what. The address is sealed, or the name of an environment variable; only `shown` of it is ever shown.
create table notification_rule (
  number     bigint generated always as identity primary key,
  occasion   text not null constraint notification_rule_occasion check (occasion in ('new', 'due', 'overdue', 'digest')),
  variable   text,
  sealed     bytea,
  key_name   text,
  shown      text not null,
  tenant     text,
  task_type  text,
  tier       text,
  assign_to  text,
  hours      double precision,
  created_by text not null,
  created_at timestamptz not null default now(),
  removed_at timestamptz,
  constraint notification_rule_address check ((variable is null) <> (sealed is null))
);
-- One line for each review that a rule has told of, written before it is sent: what may have been sent is not sent again.
create table notification (
  rule    bigint not null references notification_rule on delete cascade,
  review  bigint not null references review on delete cascade,
  state   text not null default 'sending' constraint notification_state check (state in ('sending', 'sent', 'failed')),
  at      timestamptz not null default now(),
  primary key (rule, review)
);
create table digest (
  rule  bigint not null references notification_rule on delete cascade,
  at    timestamptz not null default now(),
  state text not null default 'sending' constraint digest_state check (state in ('sending', 'sent', 'failed')),
  primary key (rule, at)
);

-- One word more than there are by now, whatever migrations before this one have added.
do $$
declare words text;
begin
  select string_agg(quote_literal(matched[1]), ', ') into words
  from pg_constraint, regexp_matches(pg_get_constraintdef(oid), '''([a-z_]+)''::text', 'g') as matched
  where conname = 'event_kind' and matched[1] <> 'review_undone';
  alter table event drop constraint event_kind;
  execute 'alter table event add constraint event_kind check (kind in (' || words || ', ''review_undone''))';
end $$;
