-- thread_insert: A new thread, queued; a reserved one is left to who starts it, for some seconds.
insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version, release, behaviour_versions, wake_at)
values (%(id)s, %(tenant)s, %(domain)s, %(subject)s, %(environment)s, %(task)s, %(requester)s, %(model)s, %(graph_version)s, %(release)s, %(behaviour_versions)s,
        now() + %(reserved)s * interval '1 second')
on conflict (id) do nothing

-- thread_get: One thread.
select * from thread where id = %(id)s

-- thread_by_prefix: Threads whose id starts so; two rows are enough to know that it is ambiguous.
select * from thread where starts_with(id, %(prefix)s) order by created_at desc limit 2

-- thread_list: Newest threads first; two parts, so that each has its index also in a plan that serves any status.
select id as thread_id, tenant, domain, subject, status, model, requester, created_at, updated_at, ending,
       (select 'r-' || min(number) from review where review.thread_id = newest.id and state = 'open') as review_id
from (
  (select * from thread where %(status)s::text is null order by created_at desc, id limit %(limit)s)
  union all
  (select * from thread where status = %(status)s order by created_at desc, id limit %(limit)s)
) newest
order by created_at desc, id
limit %(limit)s

-- thread_lock: Hold a thread's row; everything that writes events does so under it.
select id, tenant, status, epoch, last_seq, last_hash, postponed, wake, stop_requested_by, coalesce(lease_until > now(), false) as leased
from thread where id = %(id)s for update

-- thread_advance: After a transition: the end of the chain, and a status when it changes.
update thread
set last_seq = %(last_seq)s, last_hash = %(last_hash)s, status = coalesce(%(status)s, status),
    ending = coalesce(%(ending)s, ending), updated_at = now()
where id = %(id)s

-- thread_take_lease: Become the only runner of a thread; a new epoch fences whoever had it before.
update thread
set lease_owner = %(owner)s, lease_until = now() + %(seconds)s * interval '1 second', epoch = epoch + 1,
    status = %(status)s, wake_at = null, updated_at = now()
where id = %(id)s and status = %(was)s and (lease_until is null or lease_until < now())
  and (wake_at is null or wake_at <= now() or not %(due)s)
returning epoch, wake

-- thread_renew_leases: Keep those that nobody else has by now; who is asked to stop. A row that is being written is renewed next time.
with held as (select * from unnest(%(ids)s::text[], %(epochs)s::bigint[]) as held (id, epoch)),
free as (
  select thread.id from thread join held on held.id = thread.id and held.epoch = thread.epoch for update of thread skip locked
),
renewed as (update thread set lease_until = now() + %(seconds)s * interval '1 second' from free where thread.id = free.id)
select thread.id, thread.epoch, thread.stop_requested_by is not null as stop
from thread join held on held.id = thread.id and held.epoch = thread.epoch

-- thread_release_lease: Give it back, unless a decision came meanwhile (then nothing is updated, and the runner goes on).
update thread set lease_owner = null, lease_until = null
where id = %(id)s and epoch = %(epoch)s and (wake = %(wake)s or status in ('done', 'stopped'))

-- thread_free_lease: Give it back whatever came.
update thread set lease_owner = null, lease_until = null where id = %(id)s and epoch = %(epoch)s

-- thread_lease: Who runs a thread, and for how long that is promised.
select lease_owner, greatest(0, extract(epoch from lease_until - now()))::float8 as seconds_left, wake from thread where id = %(id)s

-- thread_wake: Count a decision, and whether who decides runs the thread on; else its job does.
update thread set wake = wake + 1, wake_at = now() + %(reserved)s * interval '1 second' where id = %(id)s

-- thread_ask_stop: A person wants it stopped; its runner will see it.
update thread set wake = wake + 1, stop_requested_by = %(by)s where id = %(id)s

-- thread_stop_reason: What the person who wants it stopped said.
select body ->> 'message' as message from event where thread_id = %(id)s and kind = 'stop_requested' order by seq desc limit 1

-- thread_end_lease: Nobody runs it any more; a runner that is still alive is fenced.
update thread set lease_owner = null, lease_until = null, wake_at = null, epoch = epoch + 1 where id = %(id)s

-- thread_hold_back: A thread that cannot be begun now is left alone for a while.
update thread set wake_at = now() + %(seconds)s * interval '1 second'
where id = %(id)s and status in ('queued', 'running', 'waiting') and (lease_until is null or lease_until < now())
  and (wake_at is null or wake_at <= now())

-- review_withdraw: Nobody is asked any more, and what was decided is not taken up.
update review set state = 'withdrawn' where thread_id = %(id)s and state in ('open', 'decided')

-- job_enqueue: A job for a thread that has none waiting. What has begun goes before what has not.
insert into procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
select 'threads', 'advance', 2 * priority + (epoch > 0)::integer, id, id, jsonb_build_object('thread_id', id)
from thread where id = %(id)s
on conflict (queueing_lock) where status = 'todo' do nothing

-- job_heartbeat: A worker is alive; one that was taken for dead is again.
insert into procrastinate_workers (id) overriding system value values (%(worker_id)s)
on conflict (id) do update set last_heartbeat = now()

-- job_worker_gone: A worker has ended.
delete from procrastinate_workers where id = %(worker_id)s

-- job_finish: Jobs that have been run; what came of them is in their thread's row.
delete from procrastinate_jobs where id = any(%(ids)s)

-- sweep_lock: One sweep at a time.
select pg_try_advisory_xact_lock(7223001205) as locked

-- sweep_dead_jobs: Jobs whose worker has died; while they are there, no other job of their thread starts.
delete from procrastinate_jobs
where status = 'doing' and (worker_id is null or worker_id in (
  select id from procrastinate_workers where last_heartbeat < now() - %(stalled)s * interval '1 second'))

-- sweep_dead_workers: Their rows; one that was only slow comes back with its next heartbeat.
delete from procrastinate_workers where last_heartbeat < now() - %(stalled)s * interval '1 second'

-- sweep: Enqueue what could run and has no job: at most so many of each tenant, what has begun apart from what has not.
with recursive tenants (tenant) as (
  (select tenant from thread order by tenant limit 1)
  union all
  select (select thread.tenant from thread where thread.tenant > tenants.tenant order by thread.tenant limit 1)
  from tenants where tenants.tenant is not null
),
waiting_jobs as (
  select thread.tenant, count(*) filter (where job.priority %% 2 = 0) as fresh, count(*) filter (where job.priority %% 2 <> 0) as begun
  from procrastinate_jobs job join thread on thread.id = job.lock
  where job.status = 'todo' group by thread.tenant
),
room as (
  select tenants.tenant, greatest(0, %(most)s - coalesce(fresh, 0)) as fresh, greatest(0, %(most)s - coalesce(begun, 0)) as begun
  from tenants left join waiting_jobs using (tenant) where tenants.tenant is not null
),
paused as (select number from batch where paused),
heaps (tenant, batch) as (
  (select tenant, coalesce(batch, 0) from thread where status = 'queued' and epoch = 0 and wake_at is null
   order by tenant, coalesce(batch, 0) limit 1)
  union all
  select next.* from heaps cross join lateral (
    select thread.tenant, coalesce(thread.batch, 0) from thread
    where status = 'queued' and epoch = 0 and wake_at is null
      and (thread.tenant, coalesce(thread.batch, 0)) > (heaps.tenant, heaps.batch)
    order by thread.tenant, coalesce(thread.batch, 0) limit 1) next
),
fresh as (
  select found.*, room.fresh as room,
         row_number() over (partition by room.tenant order by found.priority desc, found.due_at, found.created_at) as place
  from room join heaps using (tenant) cross join lateral (
    select id, priority, epoch, due_at, created_at from thread
    where tenant = heaps.tenant and coalesce(batch, 0) = heaps.batch
      and status = 'queued' and epoch = 0 and wake_at is null and graph_version <= %(version)s
      and not exists (select from procrastinate_jobs job where job.lock = thread.id and job.status in ('todo', 'doing'))
    order by priority desc, due_at, created_at limit room.fresh) found
  where heaps.batch not in (select number from paused)
),
runnable as (
  select id, priority, epoch, place from fresh where place <= room
  union all
  select found.*, 0 from room cross join lateral (
    select id, priority, epoch from thread
    where tenant = room.tenant and status in ('queued', 'running') and epoch > 0 and wake_at is null and graph_version <= %(version)s
      and (lease_until is null or lease_until < now()) and (batch is null or batch not in (select number from paused))
      and not exists (select from procrastinate_jobs job where job.lock = thread.id and job.status in ('todo', 'doing'))
    order by priority desc, due_at, created_at limit room.begun) found
  union all
  select found.*, 0 from room cross join lateral (
    select id, priority, epoch from thread
    where tenant = room.tenant and wake_at <= now() and graph_version <= %(version)s
      and (status in ('queued', 'running', 'failed')
           or status = 'waiting' and exists (select from review where review.thread_id = thread.id and review.state = 'decided'))
      and (lease_until is null or lease_until < now()) and (batch is null or batch not in (select number from paused))
      and not exists (select from procrastinate_jobs job where job.lock = thread.id and job.status in ('todo', 'doing'))
    order by wake_at limit room.begun) found
  union all
  (select id, priority, epoch, 0 from thread
   where id in (select thread_id from review where state = 'decided') and status = 'waiting' and wake_at is null
     and graph_version <= %(version)s and (lease_until is null or lease_until < now())
     and (batch is null or batch not in (select number from paused))
     and not exists (select from procrastinate_jobs job where job.lock = thread.id and job.status in ('todo', 'doing'))
   limit %(most)s)
)
insert into procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
select 'threads', 'advance', 2 * priority + (epoch > 0)::integer, id, id, jsonb_build_object('thread_id', id)
from runnable order by place
on conflict (queueing_lock) where status = 'todo' do nothing

-- event_insert: One link of the chain.
insert into event (thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- event_list: A thread's timeline.
select thread_id, seq, kind, class, actor, at, checkpoint_id, body, prev_hash, hash
from event where thread_id = %(id)s order by seq

-- thread_position: What a run has to know of a thread to write behind its last event.
select tenant, status, epoch, last_seq, last_hash, postponed from thread where id = %(id)s

-- event_stored: Whether a link is in the chain: the answer to a commit that was cut off.
select 1 from event where thread_id = %(id)s and seq = %(seq)s and hash = %(hash)s

-- transition_store: One transition, whole, if the thread is where this run believes it is; otherwise nothing.
with moved as (
  update thread
  set last_seq = %(last_seq)s, last_hash = %(last_hash)s, status = %(status)s, postponed = %(postponed)s,
      ending = coalesce(%(ending)s::json, ending), wake_at = coalesce(%(again_at)s::timestamptz, wake_at), updated_at = now()
  where id = %(thread)s and epoch = %(epoch)s and last_seq = %(was_seq)s and last_hash = %(was_hash)s and status = %(was_status)s
  returning id, tenant
), stored_checkpoint as (
  insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
  select id, %(namespace)s, %(checkpoint_id)s, %(parent_id)s, %(checkpoint)s::jsonb, %(metadata)s::jsonb
  from moved where %(checkpoint_id)s::text is not null
  on conflict (thread_id, checkpoint_ns, checkpoint_id)
  do update set checkpoint = excluded.checkpoint, metadata = excluded.metadata
), stored_blobs as (
  insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
  select id, %(namespace)s, blobs.*
  from moved, unnest(%(blob_channels)s::text[], %(blob_versions)s::text[], %(blob_types)s::text[], %(blobs)s::bytea[]) as blobs
  on conflict (thread_id, checkpoint_ns, channel, version) do nothing
), --optional
stored_writes as (
  insert into checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
  select id, writes.*
  from moved, unnest(%(write_namespaces)s::text[], %(write_checkpoints)s::text[], %(write_tasks)s::text[], %(write_paths)s::text[],
                     %(write_places)s::int[], %(write_channels)s::text[], %(write_types)s::text[], %(writes)s::bytea[]) as writes
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  do update set channel = excluded.channel, type = excluded.type, blob = excluded.blob where excluded.idx < 0
), released as (
  update review set state = 'released' from moved
  where review.thread_id = moved.id and number = any(%(released)s::bigint[]) and state = 'decided'
), --required
stored_events as (
  insert into event (thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash)
  select id, seq, tenant, kind, class, actor, %(at)s, checkpoint_id, body::json, prev_hash, hash
  from moved, unnest(%(event_seqs)s::bigint[], %(event_kinds)s::text[], %(event_classes)s::text[], %(event_actors)s::text[],
                     %(event_checkpoints)s::text[], %(event_bodies)s::text[], %(event_prev_hashes)s::text[], %(event_hashes)s::text[])
              as events(seq, kind, class, actor, checkpoint_id, body, prev_hash, hash)
)
select from moved

-- administration_take: Hold threads that nobody runs; the new epoch fences a run that has lost its lease.
update thread set lease_owner = 'administration', lease_until = now() + interval '60 seconds', epoch = epoch + 1
where id = any(%(ids)s) and not (id = %(own)s and epoch = %(epoch)s) and (lease_until is null or lease_until < now())
returning id, epoch

-- administration_busy: Threads among these that somebody runs.
select id from thread
where id = any(%(ids)s) and not (id = %(own)s and epoch = %(epoch)s) and not id = any(%(held)s) order by id limit 1

-- administration_release: Give them back, unless somebody has them by now.
update thread set lease_owner = null, lease_until = null
from unnest(%(ids)s::text[], %(epochs)s::bigint[]) as held(id, epoch) where thread.id = held.id and thread.epoch = held.epoch

-- checkpoints_exist: Whether a thread has any checkpoint.
select exists (select from checkpoints where thread_id = %(id)s)

-- checkpoints_copy: All checkpoints of a thread, in all namespaces, under another thread's id, from one snapshot.
with copied as (
  insert into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
  select %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
  from checkpoints where thread_id = %(source)s
), copied_blobs as (
  insert into checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
  select %(target)s, checkpoint_ns, channel, version, type, blob from checkpoint_blobs where thread_id = %(source)s
)
insert into checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path)
select %(target)s, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob, task_path
from checkpoint_writes where thread_id = %(source)s

-- checkpoints_of_runs: The threads in which runs left checkpoints.
select distinct thread_id from checkpoints where metadata ->> 'run_id' = any(%(runs)s)

-- checkpoints_delete_runs: What runs left, and their writes; a checkpoint that followed one of theirs has no parent then.
with gone as (
  delete from checkpoints where metadata ->> 'run_id' = any(%(runs)s) returning thread_id, checkpoint_ns, checkpoint_id
), gone_writes as (
  delete from checkpoint_writes using gone
  where checkpoint_writes.thread_id = gone.thread_id and checkpoint_writes.checkpoint_ns = gone.checkpoint_ns
    and checkpoint_writes.checkpoint_id = gone.checkpoint_id
)
update checkpoints set parent_checkpoint_id = null from gone
where checkpoints.thread_id = gone.thread_id and checkpoints.checkpoint_ns = gone.checkpoint_ns
  and checkpoints.parent_checkpoint_id = gone.checkpoint_id
  and (checkpoints.metadata ->> 'run_id' = any(%(runs)s)) is not true

-- checkpoints_delete_blobs: Blobs of threads that no checkpoint refers to any more.
delete from checkpoint_blobs as blob
where blob.thread_id = any(%(ids)s) and not exists (
  select from checkpoints
  where checkpoints.thread_id = blob.thread_id and checkpoints.checkpoint_ns = blob.checkpoint_ns
    and checkpoints.checkpoint -> 'channel_versions' ->> blob.channel = blob.version)

-- review_insert: A review for an interrupt, once; a re-raised interrupt changes nothing.
insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash, request, subject, priority, batch, due_at)
select %(tenant)s, %(thread_id)s, %(kind)s, %(interrupt_id)s, %(checkpoint_id)s, %(task_type)s, %(action_hash)s, %(request)s,
       subject, priority, batch, due_at
from thread where id = %(thread_id)s
on conflict (thread_id, interrupt_id) do nothing
returning number

-- review_lock: A review's row, held.
select * from review where number = %(number)s for update

-- review_get: One review with its thread.
select review.*, thread.subject, thread.status as thread_status, thread.requester, thread.environment, thread.behaviour_versions, thread.domain
from review join thread on thread.id = review.thread_id where number = %(number)s

-- review_decide: The one compare-and-set of a decision.
update review
set state = 'decided', answer = %(answer)s, decision = %(decision)s, decided_hash = %(decided_hash)s,
    decided_by = %(by)s, decided_at = now(), verified = %(verified)s
where number = %(number)s and state = 'open'

-- review_delay: A decision that can be taken back for a while.
update review set effective_at = now() + %(seconds)s * interval '1 second' where number = %(number)s

-- review_undo: Take one's decision back, while no run may have taken it up.
update review
set state = 'open', answer = null, decision = null, decided_hash = null, decided_by = null, decided_at = null, verified = null, effective_at = null
where number = %(number)s and state = 'decided' and decided_by = %(by)s and effective_at > now()

-- outcome_undo: Nothing was made of the proposal after all.
delete from outcome where review = %(review)s

-- thread_unschedule: Nothing is due any more.
update thread set wake_at = null where id = %(id)s and status = 'waiting'

-- review_overdue: Reviews that nobody has decided in time, oldest first.
select number, thread_id from review
where state = 'open' and opened_at < now() - %(hours)s * interval '1 hour' order by opened_at limit %(limit)s

-- review_expire: Too late for a decision.
update review set state = 'expired' where number = %(number)s and state = 'open'

-- review_release: The run has taken the decision up.
update review set state = 'released' where number = %(number)s and state = 'decided'

-- review_waiting: Open and decided, not yet released reviews of one thread; without a decision that can still be taken back.
select number, state, kind, interrupt_id, decision from review
where thread_id = %(id)s and (state = 'open' or state = 'decided' and (effective_at is null or effective_at <= now()))
order by number

-- review_approver: Who approved exactly this proposal.
select decided_by from review
where thread_id = %(id)s and decided_hash = %(hash)s and answer in ('approve', 'edit') and state in ('decided', 'released')
  and (effective_at is null or effective_at <= now())
order by number desc limit 1

-- review_inbox: What waits for people, newest first; two parts, so that each has its index, see thread_list.
select waiting.number, waiting.thread_id, waiting.tenant, waiting.kind, waiting.task_type, waiting.request, waiting.opened_at,
       thread.subject, thread.status
from (
  (select * from review where %(tenant)s::text is null and state = 'open' order by number desc limit %(limit)s)
  union all
  (select * from review where tenant = %(tenant)s and state = 'open' order by number desc limit %(limit)s)
) waiting join thread on thread.id = waiting.thread_id
order by waiting.number desc
limit %(limit)s

-- inbox_page: What waits, the most urgent first (weight times waiting time as of `now`), after a place in that order. Within
-- one weight that is the order of an index, so each weight gives its first rows and the few are merged.
with recursive weights (weight) as (
  (select weight from review where state = 'open' order by weight limit 1)
  union all
  select (select review.weight from review where state = 'open' and review.weight > weights.weight order by review.weight limit 1)
  from weights where weights.weight is not null
), found as (
  select number, weights.weight * extract(epoch from %(now)s::timestamptz - opened_at)::float8 as urgency
  from weights cross join lateral (
    select number, opened_at from review
    where state = 'open' and review.weight = weights.weight and opened_at <= %(now)s
      and opened_at >= case when %(after)s::float8 is null then '-infinity'
                            else %(now)s::timestamptz - (%(after)s::float8 / weights.weight + 0.001) * interval '1 second' end
      and (%(after)s::float8 is null
           or (weights.weight * extract(epoch from %(now)s::timestamptz - opened_at)::float8, -number) < (%(after)s, -%(after_number)s::bigint))
      and (%(tenant)s::text is null or tenant = %(tenant)s) and (%(kind)s::text is null or kind = %(kind)s)
      and (%(task_type)s::text is null or task_type = %(task_type)s) and (%(tier)s::text is null or tier = %(tier)s)
      and (%(reason)s::text is null or reason = %(reason)s) and (%(batch)s::bigint is null or batch = %(batch)s)
      and (%(assignee)s::text is null or coalesce(assignee, '') = %(assignee)s)
      and (%(hours)s::float8 is null or opened_at <= %(now)s - %(hours)s * interval '1 hour')
      and (%(words)s::text is null or number in
           (select number from review where state = 'open' and words @@ to_tsquery('simple', %(words)s)))
    order by opened_at, number limit %(limit)s) first
  where weights.weight is not null
  order by urgency desc, number limit %(limit)s
)
select found.urgency, number, thread_id, tenant, kind, task_type, tier, reason, subject, batch, assignee, opened_at, due_at,
       request -> 'action_requests' -> 0 ->> 'description' as description,
       case when claimed_until > now() then claimed_by end as claimed_by,
       not exists (select from review_seen seen where seen.review = number and seen.person = %(person)s) as unread
from found join review using (number)
order by found.urgency desc, number

-- inbox_facets: How many wait of each sort, for the filters.
select tenant, kind, task_type, tier, reason, batch, assignee, count(*) as waiting
from review where state = 'open' group by 1, 2, 3, 4, 5, 6, 7

-- inbox_counts: What waits, and how much of it a person has not opened.
select (select count(*) from review where state = 'open') as waiting,
       (select count(*) from review_seen seen join review on review.number = seen.review
        where seen.person = %(person)s and review.state = 'open') as read

-- inbox_next: The most urgent review of the same task type that nobody else has.
with recursive weights (weight) as (
  (select weight from review where state = 'open' order by weight limit 1)
  union all
  select (select review.weight from review where state = 'open' and review.weight > weights.weight order by review.weight limit 1)
  from weights where weights.weight is not null
)
select number
from weights cross join lateral (
  select number, opened_at from review
  where state = 'open' and review.weight = weights.weight and task_type = %(task_type)s and number <> %(number)s
    and (claimed_until is null or claimed_until < now() or claimed_by = %(person)s)
  order by opened_at, number limit 1) first
where weights.weight is not null
order by weights.weight * extract(epoch from now() - opened_at) desc, number limit 1

-- review_claim: Have a review for some minutes, unless somebody else has it; with `take`, even then.
update review set claimed_by = %(person)s, claimed_until = now() + %(seconds)s * interval '1 second'
where number = %(number)s and state = 'open'
  and (%(take)s or claimed_until is null or claimed_until < now() or claimed_by = %(person)s)
returning claimed_by

-- review_unclaim: Give it back.
update review set claimed_by = null, claimed_until = null where number = %(number)s and claimed_by = %(person)s and state = 'open'

-- review_pulse: Who has a review now, for how long, and whether it still waits.
select state, claimed_by, assignee, greatest(0, extract(epoch from claimed_until - now()))::integer as seconds_left,
       greatest(0, extract(epoch from effective_at - now()))::float8 as undo_left
from review where number = %(number)s

-- review_assign: Ask another person.
update review set assignee = %(assignee)s, claimed_by = null, claimed_until = null where number = %(number)s and state = 'open'

-- review_seen: A person has opened it.
insert into review_seen (person, review) values (%(person)s, %(number)s) on conflict do nothing

-- review_before: What was proposed last for the same task type in the same thread.
select number, answer, decided_by, request, decision from review
where thread_id = %(thread_id)s and task_type = %(task_type)s and number < %(number)s and kind = 'action' order by number desc limit 1

-- draft_get: What a person has typed and not sent.
select typed, saved_at from review_draft where person = %(person)s and review = %(number)s

-- draft_put: Keep it.
insert into review_draft (person, review, typed) values (%(person)s, %(number)s, %(typed)s)
on conflict (person, review) do update set typed = excluded.typed, saved_at = now()

-- draft_drop: It was sent.
delete from review_draft where person = %(person)s and review = %(number)s

-- event_of_policy: The facts of the last policy check of a proposal.
select body from event where thread_id = %(id)s and kind = 'policy_check' and body ->> 'proposal' = %(proposal)s order by seq desc limit 1

-- event_list_since: What a thread did after a moment, the newest last.
select thread_id, seq, kind, class, actor, at, checkpoint_id, body, prev_hash, hash
from event where thread_id = %(id)s and at > %(since)s and kind <> 'lease_taken' order by seq limit 20

-- notice_rules: Who is told of what; with what became of the last tellings.
select rule.*, coalesce(told.sent, 0) as sent, coalesce(told.failed, 0) as failed
from notification_rule rule left join lateral (
  select count(*) filter (where state = 'sent') as sent, count(*) filter (where state <> 'sent') as failed
  from (select state from notification where rule = rule.number union all select state from digest where rule = rule.number) each
) told on true
where removed_at is null order by number

-- notice_rule_insert: A new rule; it concerns reviews that are opened from now on.
insert into notification_rule (occasion, variable, sealed, key_name, shown, tenant, task_type, tier, assign_to, hours, created_by)
values (%(occasion)s, %(variable)s, %(sealed)s, %(key_name)s, %(shown)s, %(tenant)s, %(task_type)s, %(tier)s, %(assign_to)s, %(hours)s, %(created_by)s)
returning number

-- notice_rule_remove: It tells nobody any more.
update notification_rule set removed_at = now(), sealed = null, variable = 'removed' where number = %(number)s and removed_at is null
returning number

-- notice_claim: Write down the reviews that a rule is to tell of now; who comes second gets none of them.
with due as (
  select number from review
  where state = 'open' and (%(tenant)s::text is null or tenant = %(tenant)s)
    and (%(task_type)s::text is null or task_type = %(task_type)s) and (%(tier)s::text is null or tier = %(tier)s)
    and case %(occasion)s
          when 'new' then opened_at >= %(created_at)s
          when 'due' then now() >= coalesce(due_at, opened_at + %(due_hours)s * interval '1 hour') - coalesce(%(hours)s::float8, 0.5) * interval '1 hour'
          when 'overdue' then now() >= coalesce(due_at, opened_at + %(due_hours)s * interval '1 hour') + coalesce(%(hours)s::float8, 0) * interval '1 hour'
          else false end
    and not exists (select from notification where rule = %(number)s and notification.review = review.number)
  order by opened_at limit %(limit)s
), claimed as (
  insert into notification (rule, review) select %(number)s, number from due on conflict do nothing returning review
)
select review.number, review.task_type, review.tier, review.tenant, review.opened_at
from claimed join review on review.number = claimed.review order by review.opened_at

-- notice_done: What became of the sending.
update notification set state = %(state)s where rule = %(rule)s and review = any(%(reviews)s)

-- digest_claim: A digest is due when none was written for so many hours.
insert into digest (rule)
select number from notification_rule
where number = %(number)s and created_at < now() - %(hours)s * interval '1 hour'
  and not exists (select from digest where rule = %(number)s and at > now() - %(hours)s * interval '1 hour')
  and pg_try_advisory_xact_lock(7223001206)
returning rule

-- digest_rows: What waits, the most urgent first.
select number, task_type, tier, tenant, opened_at from review
where state = 'open' and (%(tenant)s::text is null or tenant = %(tenant)s)
  and (%(task_type)s::text is null or task_type = %(task_type)s) and (%(tier)s::text is null or tier = %(tier)s)
order by weight * extract(epoch from now() - opened_at) desc, number limit 1000

-- digest_done: What became of the sending.
update digest set state = %(state)s where rule = %(rule)s and state = 'sending'

-- review_reassign: Ask somebody else to decide.
update review set assignee = %(assignee)s where number = any(%(reviews)s) and state = 'open'

-- outcome_insert: What a person made of a proposal.
insert into outcome (tenant, thread_id, review, task_type, behaviour_version, proposal_hash, final_hash, answer, changed, reason_code, actor)
values (%(tenant)s, %(thread_id)s, %(review)s, %(task_type)s, %(behaviour_version)s, %(proposal_hash)s, %(final_hash)s, %(answer)s, %(changed)s, %(reason_code)s, %(actor)s)

-- outcome_history: How often people changed proposals of a type.
select count(*) filter (where changed) as changed, count(*) as decided
from outcome where tenant = %(tenant)s and task_type = %(task_type)s

-- operation_claim: Claim an idempotency key; nothing comes back when it was claimed before.
insert into operation (key, revision, tenant, thread_id, tool, proposal_id, request_hash, state, epoch, deadline, first_sent_at)
values (%(key)s, %(revision)s, %(tenant)s, %(thread_id)s, %(tool)s, %(proposal_id)s, %(request_hash)s, 'started', %(epoch)s,
        now() + %(timeout)s * interval '1 second', now())
on conflict (key, revision) do nothing
returning fence, attempt

-- operation_lock: Hold a key with all its revisions, those too that are opened meanwhile.
select 1 from operation where key = %(key)s and revision = 1 for update

-- operation_revisions: What a claim has to know of the revisions of a key.
select operation.*, clock_timestamp() as read_at,
       coalesce(thread.lease_until > now(), false) as leased,
       exists (select from review where review.thread_id = operation.thread_id and review.kind = 'unknown_effect'
                 and review.state in ('open', 'decided') and request -> 'unknown_effect' ->> 'key' = operation.key) as asked
from operation join thread on thread.id = operation.thread_id
where key = %(key)s order by revision

-- operation_run: The attempt that is about to be sent belongs to this run.
update operation
set thread_id = %(thread_id)s, proposal_id = %(proposal_id)s, request_hash = %(request_hash)s, epoch = %(epoch)s,
    started_at = now(), finished_at = null, failure = null, deadline = now() + %(timeout)s * interval '1 second',
    first_sent_at = coalesce(first_sent_at, now())
where key = %(key)s and revision = %(revision)s and state = 'started' and epoch is null
returning fence, attempt

-- operation_move: One move of core/operations.py, by compare-and-set; who comes too late changes nothing.
update operation
set state = %(state)s, fence = fence + %(fenced)s, attempt = attempt + %(again)s, epoch = null,
    results = %(results)s, summary = %(summary)s, failure = %(failure)s,
    finished_at = case when %(state)s in ('succeeded', 'failed') then now() end
where key = %(key)s and revision = %(revision)s and fence = %(fence)s and attempt = %(attempt)s and state = %(was)s
returning tool, proposal_id, fence, attempt

-- operation_revise: A person opens the next revision; it takes the first request that comes.
insert into operation (key, revision, tenant, thread_id, tool, proposal_id, request_hash, state)
select key, revision + 1, tenant, thread_id, tool, proposal_id, '', 'started'
from operation where key = %(key)s and revision = %(revision)s and state in ('succeeded', 'failed')
on conflict (key, revision) do nothing
returning tool, proposal_id, revision, fence, attempt

-- operation_say: What is written down of an operation.
insert into operation_history (key, revision, thread_id, fence, attempt, said, actor, detail)
values (%(key)s, %(revision)s, %(thread_id)s, %(fence)s, %(attempt)s, %(said)s, %(actor)s, %(detail)s)

-- operation_list: Operations by their revision in force, newest first.
select operation.*, thread.subject from operation join thread on thread.id = operation.thread_id
where (%(state)s::text is null or operation.state = %(state)s)
  and not exists (select from operation newer where newer.key = operation.key and newer.revision > operation.revision)
order by operation.started_at desc, operation.key
limit %(limit)s

-- operation_by_prefix: Keys that begin so; two are enough to know that it is ambiguous.
select distinct key from operation where starts_with(key, %(prefix)s) limit 2

-- operation_history: What was written down of a key, in order.
select revision, attempt, fence, said, actor, thread_id, detail, at from operation_history where key = %(key)s order by id

-- artifact_put: Content once per tenant; what is put again is in use, which keeps it from being pruned meanwhile.
insert into artifact (tenant, sha256, media, source, trust, content, refers)
values (%(tenant)s, %(sha256)s, %(media)s, %(source)s, %(trust)s, %(content)s, %(refers)s)
on conflict (tenant, sha256) do update set used_at = now() where artifact.used_at < now() - interval '1 hour'

-- artifact_read: Contents by hash.
select sha256, content from artifact where tenant = %(tenant)s and sha256 = any(%(sha256s)s)

-- document_save: A further revision of a working document.
insert into document (thread_id, name, revision, tenant, sha256)
select %(thread_id)s, %(name)s, coalesce(max(revision), 0) + 1, %(tenant)s, %(sha256)s
from document where thread_id = %(thread_id)s and name = %(name)s
returning revision

-- model_call_insert: A model call, recorded before its answer is used.
insert into model_call (id, tenant, thread_id, task_id, attempt, purpose, model, parameters, messages, answer, error, input_tokens, output_tokens, cost, started_at, latency_ms)
values (%(id)s, %(tenant)s, %(thread_id)s, %(task_id)s, %(attempt)s, %(purpose)s, %(model)s, %(parameters)s, %(messages)s, %(answer)s, %(error)s, %(input_tokens)s, %(output_tokens)s, %(cost)s, %(started_at)s, %(latency_ms)s)

-- counts: What the database holds, for doctor.
select (select count(*) from thread) as threads, (select count(*) from review where state = 'open') as reviews,
       current_setting('server_version') as server_version

-- batch_insert: A file of keywords, for one tenant.
insert into batch (tenant, domain, file_name, requester)
values (%(tenant)s, %(domain)s, %(file_name)s, %(requester)s)
returning number

-- batch_known: Which keywords have a thread already, held in one order so that two files at once never wait for each other.
select id, batch_key, batch, status from thread
where tenant = %(tenant)s and domain = %(domain)s and batch_key = any(%(keys)s)
order by id for update

-- batch_forget_keys: The keyword belongs to a newer thread from now on.
update thread set batch_key = null where id = any(%(ids)s)

-- batch_insert_threads: Queued threads with their first event; a keyword that has a thread is left out.
with given as (
  select * from json_to_recordset(%(rows)s) as row (
    id text, subject text, task json, batch_key text, priority integer, due_at timestamptz,
    at timestamptz, body json, hash text)
), added as (
  insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version, release,
                      behaviour_versions, batch, batch_key, priority, due_at, last_seq, last_hash, created_at)
  select id, %(tenant)s, %(domain)s, subject, %(environment)s, task, %(requester)s, %(model)s, %(graph_version)s,
         %(release)s, %(behaviour_versions)s, %(batch)s, batch_key, priority, due_at, 1, hash, at
  from given
  on conflict do nothing
  returning id, batch_key
), said as (
  insert into event (thread_id, seq, tenant, kind, class, actor, at, body, prev_hash, hash)
  select id, 1, %(tenant)s, 'thread_started', 'decided', %(requester)s, at, body, repeat('0', 64), hash
  from given join added using (id, batch_key)
)
select batch_key from added

-- batch_overview: How far batches are, newest first. Waiting counts as settled; the rate is over the last five minutes.
select batch.number, batch.tenant, batch.domain, batch.file_name, batch.requester, batch.paused, batch.created_at,
       count(thread.id) as threads,
       count(*) filter (where status = 'done') as done,
       count(*) filter (where status = 'running') as running,
       count(*) filter (where status in ('waiting', 'taken_over')) as waiting,
       count(*) filter (where status = 'failed') as failed,
       count(*) filter (where status = 'queued' and (wake_at is null or wake_at <= now())) as queued,
       count(*) filter (where status = 'queued' and wake_at > now()) as postponed,
       count(*) filter (where status = 'stopped') as stopped,
       (count(*) filter (where status not in ('queued', 'running') and thread.updated_at > now() - interval '5 minutes')
         / least(5, greatest(extract(epoch from now() - batch.created_at) / 60, 1.0 / 6)))::float8 as per_minute
from batch left join thread on thread.batch = batch.number
where batch.number in (
  select number from batch where %(numbers)s::bigint[] is null or number = any(%(numbers)s)
  order by number desc limit %(limit)s)
group by batch.number
order by batch.number desc

-- batch_cost: What the model calls of batches have cost, as far as it is known.
select thread.batch as number, sum(model_call.cost) as cost
from model_call join thread on thread.id = model_call.thread_id
where thread.batch = any(%(numbers)s)
group by thread.batch

-- batch_pause: Whether new runs of a batch are begun.
update batch set paused = %(paused)s where number = %(number)s

-- batch_unended: Threads of a batch that a stop still concerns, a chunk at a time; a failed one goes nowhere by itself.
select id from thread
where batch = %(number)s and status in ('queued', 'running', 'waiting', 'taken_over') and id > %(after)s
order by id limit %(limit)s

-- workers_alive: How many workers have been heard of lately.
select count(*) as alive from procrastinate_workers where last_heartbeat > now() - %(seconds)s * interval '1 second'

-- prune_threads: Threads that ended long ago and have not been pruned, held; one that is in use is left for another time.
select id from thread
where id > %(after)s and pruned_at is null and status in ('done', 'stopped') and updated_at < %(before)s
  and not exists (select from review where review.thread_id = thread.id and review.state in ('open', 'decided'))
order by id limit %(limit)s
for update skip locked

-- prune_checkpoints: All checkpoints but the last of each namespace.
delete from checkpoints
where thread_id = any(%(ids)s)
  and checkpoint_id < (select max(newer.checkpoint_id) from checkpoints newer
                       where newer.thread_id = checkpoints.thread_id and newer.checkpoint_ns = checkpoints.checkpoint_ns)

-- prune_blobs: Channel values that no kept checkpoint has.
delete from checkpoint_blobs
where thread_id = any(%(ids)s)
  and not exists (select from checkpoints kept
                  where kept.thread_id = checkpoint_blobs.thread_id and kept.checkpoint_ns = checkpoint_blobs.checkpoint_ns
                    and kept.checkpoint -> 'channel_versions' ->> checkpoint_blobs.channel = checkpoint_blobs.version)

-- prune_writes: Pending writes of checkpoints that are gone.
delete from checkpoint_writes
where thread_id = any(%(ids)s)
  and not exists (select from checkpoints kept
                  where kept.thread_id = checkpoint_writes.thread_id and kept.checkpoint_ns = checkpoint_writes.checkpoint_ns
                    and kept.checkpoint_id = checkpoint_writes.checkpoint_id)

-- prune_model_calls: What was said to and by the model; tokens, cost and latency stay.
update model_call set messages = '[]', answer = null
where thread_id = any(%(ids)s) and (json_array_length(messages) > 0 or answer is not null)

-- prune_done: Threads that need no further look.
update thread set pruned_at = now() where id = any(%(ids)s)

-- referred_table: Where this session collects the artifacts that something refers to. Sixteen hex digits are enough: a
-- chance agreement keeps an artifact too many, never one too few.
create temp table if not exists referred (digits text not null)

-- referred_clear: Empty it.
truncate referred

-- referred_index: So that each artifact is looked up.
create index if not exists referred_digits on referred (digits)

-- referred_analyse: So that the planner knows how many there are.
analyze referred

-- referred_by_threads: What a chunk of threads refers to: tasks, events (which name every result that a state holds),
-- reviews, operations and documents.
with chunk as (select id, task from thread where id > %(after)s order by id limit %(limit)s), said as (
  select task::text as text from chunk
  union all select body::text from event join chunk on chunk.id = thread_id
  union all select concat_ws(' ', action_hash, decided_hash, request, decision) from review join chunk on chunk.id = thread_id
  union all select results::text from operation join chunk on chunk.id = thread_id where results is not null
  union all select sha256 from document join chunk on chunk.id = thread_id
), found as (
  insert into referred select distinct left(match[1], 16) from said, regexp_matches(text, '[0-9a-f]{64}', 'g') as match
)
select max(id) as last from chunk

-- referred_by_artifacts: What a chunk of artifacts refers to.
with chunk as (
  select tenant, sha256, refers from artifact
  where (tenant, sha256) > (%(tenant)s, %(sha256)s) order by tenant, sha256 limit %(limit)s
), found as (
  insert into referred select distinct left(named, 16) from chunk, unnest(refers) as named
)
select tenant, sha256 from chunk order by tenant desc, sha256 desc limit 1

-- prune_artifacts: Among a chunk of artifacts, delete those that nothing refers to and nobody has put for a day.
with chunk as (
  select tenant, sha256, used_at from artifact
  where (tenant, sha256) > (%(tenant)s, %(sha256)s) order by tenant, sha256 limit %(limit)s
), forgotten as (
  select artifact.tenant, artifact.sha256 from artifact join chunk using (tenant, sha256)
  where artifact.used_at < now() - %(hours)s * interval '1 hour'
    and not exists (select from referred where digits = left(sha256, 16))
  for update of artifact skip locked
), gone as (
  delete from artifact using forgotten
  where artifact.tenant = forgotten.tenant and artifact.sha256 = forgotten.sha256
    and artifact.used_at < now() - %(hours)s * interval '1 hour'
  returning octet_length(content) as bytes
)
select tenant, sha256, (select count(*) from gone) as artifacts, (select coalesce(sum(bytes), 0) from gone)::bigint as bytes
from chunk order by tenant desc, sha256 desc limit 1
