-- thread_insert: A new thread, queued; a reserved one is left to who starts it, for some seconds.
insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version, release, behaviour_versions, fork, wake_at)
values (%(id)s, %(tenant)s, %(domain)s, %(subject)s, %(environment)s, %(task)s, %(requester)s, %(model)s, %(graph_version)s, %(release)s, %(behaviour_versions)s,
        %(fork)s, now() + %(reserved)s * interval '1 second')
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
select id, tenant, domain, environment, status, epoch, last_seq, last_hash, postponed, wake, stop_requested_by, stop_message, coalesce(lease_until > now(), false) as leased
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

-- thread_renew_leases: Keep those neither taken by now nor given back; who is asked to stop. A row that is being written is renewed next time.
with held as (select * from unnest(%(ids)s::text[], %(epochs)s::bigint[]) as held (id, epoch)),
free as (
  select thread.id from thread join held on held.id = thread.id and held.epoch = thread.epoch
  where thread.lease_owner is not null for update of thread skip locked
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
update thread set wake = wake + 1, stop_requested_by = %(by)s, stop_message = %(message)s where id = %(id)s

-- stop_running: Threads of a domain, or of all, that somebody runs and nobody has asked to stop.
select id from thread
where status = 'running' and lease_until > now() and stop_requested_by is null and (%(domain)s::text is null or domain = %(domain)s)
order by id limit %(limit)s

-- stop_mark: Ask for the stop of a chunk of what nobody runs, what could be begun next first.
with chosen as (
  select id from thread
  where status not in ('done', 'stopped') and stop_requested_by is null and (%(domain)s::text is null or domain = %(domain)s)
    and (lease_until is null or lease_until < now())
  order by status = 'queued' desc, status = 'running' desc limit %(limit)s for update skip locked
)
update thread set wake = wake + 1, stop_requested_by = %(by)s, stop_message = %(message)s
from chosen where thread.id = chosen.id

-- stop_marked: A chunk of what was asked to stop and nobody runs, held.
select id, tenant, status, last_seq, last_hash, stop_requested_by, stop_message from thread
where id > %(after)s and status not in ('done', 'stopped') and stop_requested_by is not null
  and (%(domain)s::text is null or domain = %(domain)s) and (lease_until is null or lease_until < now())
order by id limit %(limit)s for update skip locked

-- stop_end: End them; a runner that is still alive is fenced.
update thread
set status = 'stopped', last_seq = ended.seq, last_hash = ended.hash, ending = ended.ending::json, updated_at = now(),
    lease_owner = null, lease_until = null, wake_at = null, epoch = epoch + 1
from unnest(%(ids)s::text[], %(seqs)s::bigint[], %(hashes)s::text[], %(endings)s::text[]) as ended (id, seq, hash, ending)
where thread.id = ended.id

-- stop_left: What was not asked to stop yet, and what still runs.
select count(*) filter (where stop_requested_by is null) as unasked, count(*) filter (where stop_requested_by is not null) as running
from thread where status not in ('done', 'stopped') and (%(domain)s::text is null or domain = %(domain)s)

-- thread_end_lease: Nobody runs it any more; a runner that is still alive is fenced.
update thread set lease_owner = null, lease_until = null, wake_at = null, epoch = epoch + 1 where id = %(id)s

-- thread_hold_back: A thread that cannot be begun now is left alone for a while.
update thread set wake_at = now() + %(seconds)s * interval '1 second'
where id = %(id)s and status in ('queued', 'running', 'waiting') and (lease_until is null or lease_until < now())
  and (wake_at is null or wake_at <= now())

-- review_withdraw: Nobody is asked any more, and what was decided is not taken up.
update review set state = 'withdrawn' where thread_id = any(%(ids)s) and state in ('open', 'decided')

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

-- chain_walk: The events of one thread or of all, in order, each with its thread's end; a thread without events too. The
-- task is held against its hash in the first event.
select thread.id, thread.tenant, thread.last_seq, thread.last_hash, case when event.seq = 1 then thread.task end,
       event.tenant, event.seq, event.kind, event.class, event.actor, event.at, event.checkpoint_id, event.body::text,
       event.prev_hash, event.hash, case when event.seq = 1 then event.body ->> 'task' end
from thread left join event on event.thread_id = thread.id
where %(id)s::text is null or thread.id = %(id)s
order by thread.id, event.seq

-- thread_position: What a run has to know of a thread to write behind its last event.
select tenant, status, epoch, last_seq, last_hash, postponed from thread where id = %(id)s

-- failure_list: Failures, newest first, each with what was tried before it, what policy said, and whom it went to.
select failed.thread_id, failed.seq, failed.at, failed.kind, failed.body, thread.tenant, thread.domain, thread.subject,
       thread.status, thread.model, thread.release, thread.behaviour_versions, thread.environment, thread.task,
       coalesce((select max((body ->> 'epoch')::bigint) from event
                 where thread_id = failed.thread_id and seq < failed.seq and kind = 'lease_taken'), 0) as run,
       (select coalesce(nullif(count(*) filter (where body ->> 'said' in ('refused', 'not_sent', 'unknown')), 0) - 1,
                        count(*) filter (where kind = 'postponed')) from event
        where thread_id = failed.thread_id and seq < failed.seq and seq > turn.seq and kind in ('postponed', 'tool_attempt')) as retries,
       checked.body as checked, asked.number as review, asked.state as review_state, asked.answer, asked.decided_by
from event failed
join thread on thread.id = failed.thread_id
cross join lateral (
  select coalesce(max(seq), 0) as seq from event
  where thread_id = failed.thread_id and seq < failed.seq and kind = 'decision') turn
left join lateral (
  select body from event
  where thread_id = failed.thread_id and seq < failed.seq and seq > turn.seq and kind = 'policy_check'
  order by seq desc limit 1) checked on true
left join lateral (
  select (body ->> 'review')::bigint as number from event
  where thread_id = failed.thread_id and seq > failed.seq and kind = 'review_requested'
    and seq < coalesce((select min(seq) from event following
                        where thread_id = failed.thread_id and seq > failed.seq and kind = 'decision'), failed.seq + 1000)
  order by seq limit 1) requested on true
left join review asked on asked.number = requested.number
where failed.kind = 'failure'
  and (%(id)s::text is null or failed.thread_id = %(id)s)
  and (%(class)s::text is null or failed.body ->> 'class' = %(class)s)
  and (%(since)s::timestamptz is null or failed.at >= %(since)s)
order by failed.at desc, failed.thread_id, failed.seq desc
limit %(limit)s

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
  from moved, json_to_recordset(%(blobs)s::json) as blobs(channel text, version text, type text, blob bytea)
  on conflict (thread_id, checkpoint_ns, channel, version) do nothing
), --optional
stored_writes as (
  insert into checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
  select id, writes.*
  from moved, json_to_recordset(%(writes)s::json) as writes(checkpoint_ns text, checkpoint_id text, task_id text,
                                                            task_path text, idx int, channel text, type text, blob bytea)
  on conflict (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
  do update set channel = excluded.channel, type = excluded.type, blob = excluded.blob where excluded.idx < 0
), released as (
  update review set state = 'released' from moved
  where review.thread_id = moved.id and state = 'decided'
    and number in (select value::bigint from json_array_elements_text(%(released)s::json))
), --required
stored_events as (
  insert into event (thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash)
  select id, seq, tenant, kind, class, actor, %(at)s, checkpoint_id, body, prev_hash, hash
  from moved, json_to_recordset(%(events)s::json)
              as events(seq bigint, kind text, class text, actor text, checkpoint_id text, body json, prev_hash text, hash text)
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

-- checkpoint_history: What is read of each checkpoint of a thread to say what it changed; no values.
select checkpoint_id, parent_checkpoint_id, (metadata ->> 'step')::integer as step, checkpoint ->> 'ts' as at,
       metadata ->> 'source' as source, checkpoint -> 'updated_channels' as updated,
       array(select name from jsonb_object_keys(checkpoint -> 'channel_values') name where starts_with(name, 'branch:to:')) as sent_for
from checkpoints where thread_id = %(id)s and checkpoint_ns = '' order by checkpoint_id

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
select review.*, thread.subject, thread.status as thread_status, thread.requester, thread.environment, thread.behaviour_versions, thread.fork, thread.domain
from review join thread on thread.id = review.thread_id where number = %(number)s

-- review_decide: The one compare-and-set of a decision.
update review
set state = 'decided', answer = %(answer)s, decision = %(decision)s, decided_hash = %(decided_hash)s,
    decided_by = %(by)s, decided_at = now(), verified = %(verified)s
where number = %(number)s and state = 'open' and (taken_over_by is null or taken_over_by = %(by)s)

-- review_take_over: Keep an open review for one person; who comes second changes nothing.
update review set taken_over_by = %(by)s, taken_over_at = now()
where number = %(number)s and state = 'open' and taken_over_by is null

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

-- review_of_thread: Every review of a thread, in the order in which it was asked.
select number, kind, state, task_type, checkpoint_id, action_hash, request, opened_at, answer, decision, decided_hash,
       decided_by, decided_at, verified, taken_over_by, taken_over_at
from review where thread_id = %(id)s order by number

-- review_approver: Who approved exactly this proposal, by an approval or an edit, and whose edit it is.
select decided_by as by, coalesce(verified, false) as verified,
       (select role from role where person = decided_by and role.tenant in (review.tenant, '*') order by role.tenant = '*' limit 1) as role,
       exists (select from role) as roles,
       (select edit.decided_by from review edit
        where edit.thread_id = review.thread_id and edit.decided_hash = review.decided_hash and edit.answer = 'edit'
          and edit.state in ('decided', 'released') order by edit.number desc limit 1) as editor
from review
where thread_id = %(id)s and decided_hash = %(hash)s and answer in ('approve', 'edit') and state in ('decided', 'released')
  and (effective_at is null or effective_at <= now())
order by number desc limit 1

-- role_of: What a person may do for a tenant, whether anybody has a role, and who edited an action into what it is.
select (select role from role where person = %(person)s and tenant in (%(tenant)s, '*') order by tenant = '*' limit 1) as role,
       exists (select from role) as roles,
       (select decided_by from review where thread_id = %(thread)s and decided_hash = %(hash)s and answer = 'edit'
          and state in ('decided', 'released') order by number desc limit 1) as editor

-- role_list: Who may do what.
select person, tenant, role, set_by, set_at from role order by person, tenant

-- role_lock: One change of roles at a time.
lock table role in share row exclusive mode

-- role_set: Give a person a role.
insert into role (person, tenant, role, set_by) values (%(person)s, %(tenant)s, %(role)s, %(by)s)
on conflict (person, tenant) do update set role = excluded.role, set_by = excluded.set_by, set_at = now()

-- role_remove: Take a person's role.
delete from role where person = %(person)s and tenant = %(tenant)s

-- event_facts: The facts over which policy decided last on exactly this proposal.
select body -> 'facts' as facts from event
where thread_id = %(id)s and kind = 'policy_check' and body ->> 'action_hash' = %(hash)s and body ->> 'facts' is not null
order by seq desc limit 1

-- review_locked_down: What waits for a lockdown to be lifted.
select number, thread.tenant, thread.domain, thread.environment from review join thread on thread.id = review.thread_id
where review.state = 'open' and kind = 'blocker' and (request ->> 'lockdown')::boolean and number > %(after)s
order by number limit %(limit)s

-- review_inbox: What waits for people, newest first; two parts, so that each has its index, see thread_list.
select waiting.number, waiting.thread_id, waiting.tenant, waiting.kind, waiting.task_type, waiting.request, waiting.opened_at,
       waiting.taken_over_by, thread.subject, thread.status
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
  from (select state from notification where rule = rule.number union all select state from digest where rule = rule.number
        union all select state from level_notification where rule = rule.number) each
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

-- notice_claim_revoked: Write down the alarms that a rule is to tell of now; who comes second gets none of them.
with due as (
  select number from level_change
  where change = 'revoked' and at >= %(created_at)s and (%(tenant)s::text is null or tenant = %(tenant)s)
    and (%(task_type)s::text is null or task_type = %(task_type)s)
    and not exists (select from level_notification where rule = %(number)s and level_notification.change = level_change.number)
  order by number limit %(limit)s
), claimed as (
  insert into level_notification (rule, change) select %(number)s, number from due on conflict do nothing returning change
)
select level_change.number, task_type, tenant, environment, reason
from claimed join level_change on level_change.number = claimed.change order by level_change.number

-- notice_done: What became of the sending.
update notification set state = %(state)s where rule = %(rule)s and review = any(%(reviews)s)

-- notice_done_revoked: What became of the sending.
update level_notification set state = %(state)s where rule = %(rule)s and change = any(%(changes)s)

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

-- outcome_insert: What became of a proposal; one row for each that was scored.
insert into outcome (tenant, environment, thread_id, review, task_type, behaviour_version, proposal_id, artifact, proposal_hash, final_hash, answer,
                     changed, alone, score, parts, threshold, why, floor, era, propensity, chance, audited, diff, verdict, reason_code, note, counted,
                     actor, judged_by, judged_at)
values (%(tenant)s, %(environment)s, %(thread_id)s, %(review)s, %(task_type)s, %(behaviour_version)s, %(proposal_id)s, %(artifact)s, %(proposal_hash)s,
        %(final_hash)s, %(answer)s, %(changed)s, %(alone)s, %(score)s, %(parts)s, %(threshold)s, %(why)s, %(floor)s, %(era)s, %(propensity)s, %(chance)s,
        %(audited)s, %(diff)s, %(verdict)s, %(reason_code)s, %(note)s, %(counted)s, %(actor)s, %(judged_by)s,
        case when %(judged_by)s::text is not null then now() end)
on conflict (thread_id, proposal_id) do nothing
returning id

-- outcome_known: The row of a proposal, if there is one already.
select id, alone, propensity, chance, audited from outcome where thread_id = %(thread_id)s and proposal_id = %(proposal_id)s

-- outcome_judge: The verdict on what ran alone; it is changed when a person found it wanting.
update outcome
set verdict = %(verdict)s, reason_code = %(reason_code)s, note = %(note)s, changed = %(verdict)s <> 'right', counted = %(counted)s,
    judged_by = %(by)s, judged_at = now()
where id = %(id)s

-- outcome_history: How often, of late, people changed proposals of a type, or found wanting what it had done alone.
select count(*) filter (where changed) as changed, count(*) as decided from (
  select changed from outcome
  where tenant = %(tenant)s and task_type = %(task_type)s and (answer is not null or verdict is not null)
  order by id desc limit %(window)s) latest

-- outcome_history_alike: The same of the tasks most like one, the most like it first.
select count(*) filter (where changed) as changed, count(*) as decided from (
  select outcome.changed from unnest(%(nearest)s::text[]) with ordinality as alike (thread_id, place)
  join outcome on outcome.thread_id = alike.thread_id
  where tenant = %(tenant)s and task_type = %(task_type)s and (answer is not null or verdict is not null)
  order by alike.place, outcome.id limit %(window)s) nearest

-- outcome_list: Newest outcomes first.
select outcome.id, outcome.tenant, outcome.environment, outcome.thread_id, thread.subject, thread.task ->> 'site' as site, thread.task ->> 'slug' as slug,
       outcome.task_type, outcome.behaviour_version, outcome.proposal_id, outcome.artifact, outcome.proposal_hash, outcome.final_hash, outcome.alone,
       outcome.answer, outcome.changed, outcome.score, outcome.parts, outcome.threshold, outcome.why, outcome.propensity, outcome.floor, outcome.era,
       outcome.audited, outcome.diff, outcome.verdict, outcome.reason_code, outcome.note, outcome.better, outcome.counted, outcome.actor, outcome.at,
       outcome.judged_by, outcome.judged_at
from outcome join thread on thread.id = outcome.thread_id
where (%(tenant)s::text is null or outcome.tenant = %(tenant)s) and (%(task_type)s::text is null or outcome.task_type = %(task_type)s)
order by outcome.id desc limit %(limit)s

-- outcome_log: The labelled outcomes of all certificates, each in its order.
select tenant, environment, task_type, behaviour_version, score, verdict, propensity, floor, alone, era
from outcome where counted is not null order by tenant, environment, task_type, behaviour_version, counted

-- result_threads: The thread that a line of results is about: by its id, or the newest one of a page.
select id, tenant from thread
where (%(id)s::text is not null and id = %(id)s)
   or (%(id)s::text is null and task ->> 'site' = %(site)s and task ->> 'slug' = %(slug)s)
order by created_at desc limit 1

-- result_insert: One result; the same one again adds nothing.
insert into result (key, tenant, thread_id, task_type, metric, value, better, verdict, reason_code, measured_at, imported_by)
values (%(key)s, %(tenant)s, %(thread_id)s, %(task_type)s, %(metric)s, %(value)s, %(better)s, %(verdict)s, %(reason_code)s, %(measured_at)s, %(by)s)
on conflict (key) do nothing

-- result_applied: What a result says of outcomes. A verdict fills a gap only, never where an audit is to give it, and never in the agent's favour.
update outcome
set better = coalesce(%(better)s, better),
    verdict = case when verdict is null and not audited and %(verdict)s in ('wrong', 'unclear') then %(verdict)s else verdict end,
    changed = changed or (verdict is null and not audited and coalesce(%(verdict)s in ('wrong', 'unclear'), false)),
    reason_code = case when verdict is null and not audited then coalesce(reason_code, %(reason_code)s) else reason_code end
where thread_id = %(thread_id)s and (%(task_type)s::text is null or task_type = %(task_type)s)

-- scoring_active: The scorings in use.
select tenant, environment, task_type, made_of, behaviour_version as version from scoring
where active and (%(tenant)s::text is null or tenant = %(tenant)s)

-- scoring_read: What these behaviour versions are scored by.
select task_type, behaviour_version, learned from scoring
where tenant = %(tenant)s and environment = %(environment)s and behaviour_version = any(%(versions)s)

-- scoring_labels: The latest labelled outcomes of a task type under whatever scoring, oldest first, with the proposals that are kept.
select latest.*, artifact.content from (
  select id, tenant, artifact as sha256, parts, verdict, propensity from outcome
  where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and counted is not null and parts is not null
    and (behaviour_version = %(base)s or starts_with(behaviour_version, %(base)s || '.'))
  order by id desc limit %(limit)s
) latest left join artifact on artifact.tenant = latest.tenant and artifact.sha256 = latest.sha256
order by latest.id

-- scoring_due: Where so much was labelled, nothing is certified or granted, and nothing was ever learned.
select * from standing
where counted >= %(needed)s and threshold is null and granted is null and waived is null and behaviour_version <> '*' and strpos(behaviour_version, '.') = 0
  and not exists (select from scoring where scoring.tenant = standing.tenant and scoring.environment = standing.environment
                  and scoring.task_type = standing.task_type and scoring.made_of = standing.behaviour_version)

-- scoring_off: New threads are scored as usual again.
update scoring set active = false
where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and made_of = %(base)s and active

-- scoring_insert: New threads are scored by it.
insert into scoring (tenant, environment, task_type, behaviour_version, made_of, learned, made_by)
values (%(tenant)s, %(environment)s, %(task_type)s, %(version)s, %(base)s, %(learned)s, %(by)s)
on conflict (tenant, environment, task_type, behaviour_version) do update set active = true

-- standing_hold: Where a task type stands, made if need be, and held until the transaction ends.
insert into standing (tenant, environment, task_type, behaviour_version, risk, certificate, watch, quality)
values (%(tenant)s, %(environment)s, %(task_type)s, %(behaviour_version)s, %(risk)s, %(certificate)s, %(watch)s, %(quality)s)
on conflict (tenant, environment, task_type, behaviour_version) do update set updated_at = now()
returning *

-- standing_store: Where it stands after an outcome.
update standing
set threshold = %(threshold)s, certificate = %(certificate)s, watch = %(watch)s, era = %(era)s, counted = %(counted)s, alone = %(alone)s,
    since_raise = %(since_raise)s, since_sync = %(since_sync)s, quality = %(quality)s, signals = %(signals)s, granted = %(granted)s,
    waived = %(waived)s, lowered = %(lowered)s, farthest = %(farthest)s, updated_at = now()
where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and behaviour_version = %(behaviour_version)s

-- standing_signals: Of the last outcomes of a task type: did people agree, was what followed a correction right, did its calls succeed, and how much of the budget for what cannot be undone has the last one's thread spent.
with recent as (
  select id, verdict, changed, thread_id from outcome
  where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and behaviour_version = %(behaviour_version)s
    and verdict is not null
  order by id desc limit %(window)s
), followed as (
  select verdict, lag(changed) over (order by id) as corrected from recent
), calls as (
  select state from operation where tenant = %(tenant)s and tool = %(task_type)s and state <> 'started' order by started_at desc limit %(window)s
), budget as (
  select reserved + used as spent, "limit" + granted as allowed from spend
  where unit = 'irreversible' and scope = 'thread ' || (select thread_id from recent order by id desc limit 1)
)
select count(*) filter (where verdict = 'right') as agreed, count(*) filter (where verdict = 'wrong') as disagreed,
       count(*) filter (where corrected and verdict = 'right') as held, count(*) filter (where corrected and verdict = 'wrong') as missed,
       (select count(*) from calls where state = 'succeeded') as succeeded, (select count(*) from calls where state <> 'succeeded') as failed,
       coalesce((select spent from budget), 0) as spent, coalesce((select allowed from budget), 0) as allowed
from followed

-- standing_farthest: The novelty that 99 of 100 right tasks had at most, of the last ones within the threshold of a certificate.
select percentile_disc(0.99) within group (order by novelty) as novelty from (
  select (parts ->> 'novelty')::float8 as novelty from outcome
  where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and behaviour_version = %(behaviour_version)s
    and counted is not null and era = %(era)s and verdict = 'right' and score <= %(threshold)s
  order by counted desc limit 1000) latest

-- standing_moments: The last outcomes of a task type, oldest first, with what their threads have spent of the budget for what cannot be undone.
with recent as (
  select id, thread_id, at, alone, verdict, changed, judged_at from outcome
  where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and behaviour_version = %(behaviour_version)s
  order by id desc limit %(limit)s
)
select recent.at, coalesce(recent.judged_at, recent.at) as judged_at, recent.alone, recent.verdict, recent.changed,
       coalesce(spend.reserved + spend.used, 0) as spent, coalesce(spend."limit" + spend.granted, 0) as allowed
from recent left join spend on spend.unit = 'irreversible' and spend.scope = 'thread ' || recent.thread_id
order by recent.id

-- standing_calls: The last calls of a task type's tool that have ended, oldest first.
select at, good from (
  select started_at as at, state = 'succeeded' as good from operation
  where tenant = %(tenant)s and tool = %(task_type)s and state <> 'started' order by started_at desc limit %(limit)s) latest
order by at

-- standing_read: Where these task types stand, and how many subjects the tenant's facts contradict each other on.
with doubtful as (
  select subject from fact where tenant = %(tenant)s group by subject having count(distinct value) > 1
), conflicts as (
  select count(*) as open from doubtful where not exists (
    select from fact winner
    where winner.tenant = %(tenant)s and winner.subject = doubtful.subject and not exists (
      select from fact other
      where other.tenant = %(tenant)s and other.subject = doubtful.subject and other.value <> winner.value
        and not (winner.at > other.at and array_position(%(trusts)s::text[], winner.trust) >= array_position(%(trusts)s::text[], other.trust))))
)
select standing.task_type, standing.behaviour_version, threshold, farthest, granted, waived, lowered, era, since_raise, quality, signals, conflicts.open as conflicts
from conflicts
left join unnest(%(types)s::text[], %(versions)s::text[]) as asked(task_type, behaviour_version) on true
left join standing on standing.tenant = %(tenant)s and standing.environment = %(environment)s and standing.task_type = asked.task_type
  and standing.behaviour_version in (asked.behaviour_version, '*')

-- standing_list: Where everything stands, and how much of the last outcomes ran alone.
select standing.*, seen.decided, seen.alone_seen
from standing left join lateral (
  select count(*) as decided, count(*) filter (where alone) as alone_seen from (
    select alone from outcome
    where outcome.tenant = standing.tenant and outcome.environment = standing.environment and outcome.task_type = standing.task_type
      and outcome.behaviour_version = standing.behaviour_version and outcome.score is not null
    order by id desc limit %(window)s) latest
) seen on true
where (%(tenant)s::text is null or standing.tenant = %(tenant)s) and (%(task_type)s::text is null or standing.task_type = %(task_type)s)
order by standing.tenant, standing.environment, standing.task_type, standing.updated_at desc

-- standing_audits: What audits said of what a version of a task type did alone.
select verdict, propensity from outcome
where tenant = %(tenant)s and environment = %(environment)s and task_type = %(task_type)s and behaviour_version = %(behaviour_version)s
  and alone and audited and verdict is not null
order by id

-- standing_planted: Known errors that were planted among the audits, and how many were passed as right.
select count(*) as planted, count(*) filter (where audit.verdict = 'right') as missed
from audit join outcome on outcome.id = audit.outcome
where audit.planted and audit.verdict is not null and outcome.tenant = %(tenant)s and outcome.task_type = %(task_type)s

-- fact_list: A tenant's facts, subject by subject; if there are too many, of the subjects that were learned of last.
select subject, value, source, trust, at from fact
where tenant = %(tenant)s and subject in (
  select subject from fact where tenant = %(tenant)s group by subject order by max(stored_at) desc limit %(limit)s)
order by subject, at

-- fact_insert: One more fact.
insert into fact (tenant, subject, value, source, trust, at)
values (%(tenant)s, %(subject)s, %(value)s, %(source)s, %(trust)s, %(at)s)
on conflict (tenant, subject, value, source, at) do nothing

-- fact_settle: What a person says is true; newer than whatever was said of it, even by a clock that is ahead.
insert into fact (tenant, subject, value, source, trust, at)
select %(tenant)s, %(subject)s, %(value)s, %(source)s, 'person', greatest(now(), max(at) + interval '1 microsecond')
from fact where tenant = %(tenant)s and subject = %(subject)s

-- conflict_asked: Subjects that a person is being asked about.
select request ->> 'subject' as subject from review where tenant = %(tenant)s and kind = 'conflict' and state = 'open'

-- passage_find: Passages that share most with some words.
select text, source, trust from passage
where tenant = %(tenant)s and words @@ to_tsquery('simple', %(words)s)
order by ts_rank(words, to_tsquery('simple', %(words)s)) desc, id limit %(limit)s

-- passage_insert: One more passage.
insert into passage (tenant, source, trust, text) values (%(tenant)s, %(source)s, %(trust)s, %(text)s)
on conflict (tenant, md5(source), md5(text)) do nothing

-- drift_threads: Of the threads that ended last, newest first: how often people were asked, calls of tools, and characters of documents.
select (select count(*) from review where review.thread_id = latest.id and review.answer is not null) as touches,
       (select count(*) from event where event.thread_id = latest.id and event.kind = 'tool_call') as calls,
       (select coalesce(sum(length(artifact.content)), 0) from document join artifact using (tenant, sha256) where document.thread_id = latest.id) as length
from (select id from thread where tenant = %(tenant)s and status = 'done' order by created_at desc limit %(limit)s) latest

-- drift_reasons: What was wrong with the proposals that were found wrong last, newest first.
select reason_code from outcome where tenant = %(tenant)s and reason_code is not null order by id desc limit %(limit)s

-- level_change_insert: A change of how far a task type goes alone.
insert into level_change (tenant, environment, task_type, behaviour_version, change, old_level, new_level, old_threshold, new_threshold, reason, actor, verified, thread_id)
values (%(tenant)s, %(environment)s, %(task_type)s, %(behaviour_version)s, %(change)s, %(old_level)s, %(new_level)s, %(old_threshold)s, %(new_threshold)s,
        %(reason)s, %(actor)s, %(verified)s, %(thread_id)s)

-- level_change_list: The newest changes first.
select * from level_change
where (%(tenant)s::text is null or tenant = %(tenant)s) and (%(task_type)s::text is null or task_type = %(task_type)s)
order by number desc limit %(limit)s

-- audit_insert: Something to be looked at afterwards.
insert into audit (tenant, outcome, planted) values (%(tenant)s, %(outcome)s, %(planted)s) on conflict (outcome, planted) do nothing returning number

-- audit_list: What waits to be looked at, oldest first. Whether one is planted is not told.
select audit.number, audit.tenant, audit.opened_at, outcome.task_type, outcome.artifact, thread.subject, thread.requester, thread.environment
from audit join outcome on outcome.id = audit.outcome join thread on thread.id = outcome.thread_id
where audit.verdict is null and (%(tenant)s::text is null or audit.tenant = %(tenant)s)
order by audit.number limit %(limit)s

-- audit_get: One audit with its outcome and thread.
select audit.number, audit.planted, audit.verdict, audit.reason_code, audit.judged_by, audit.judged_at, audit.opened_at, audit.outcome, outcome.tenant,
       outcome.environment, outcome.thread_id, outcome.task_type, outcome.behaviour_version, outcome.artifact, outcome.score, outcome.propensity,
       outcome.floor, outcome.era, outcome.alone, thread.subject, thread.requester
from audit join outcome on outcome.id = audit.outcome join thread on thread.id = outcome.thread_id
where audit.number = %(number)s

-- audit_judge: The one compare-and-set of an audit.
update audit set verdict = %(verdict)s, reason_code = %(reason_code)s, note = %(note)s, judged_by = %(by)s, verified = %(verified)s, judged_at = now()
where number = %(number)s and verdict is null

-- audit_overdue: Audits that nobody has answered in time.
select number from audit
where verdict is null and opened_at < now() - %(days)s * interval '1 day' and (%(tenant)s::text is null or tenant = %(tenant)s) order by number

-- audit_plant: Put proposals that people found wrong, and that were not planted before, among the audits.
insert into audit (tenant, outcome, planted)
select tenant, id, true from outcome
where verdict = 'wrong' and artifact is not null and tenant = %(tenant)s and (%(task_type)s::text is null or task_type = %(task_type)s)
  and not exists (select from audit where audit.outcome = outcome.id)
order by id desc limit %(count)s
on conflict (outcome, planted) do nothing

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

-- operation_of_thread: What a thread did to the world, by the last request under each key.
select key, revision, tool, state, attempt, fence, summary, failure, started_at, finished_at
from operation where thread_id = %(id)s order by started_at, key, revision

-- operation_by_prefix: Keys that begin so; two are enough to know that it is ambiguous.
select distinct key from operation where starts_with(key, %(prefix)s) limit 2

-- operation_history: What was written down of a key, in order.
select revision, attempt, fence, said, actor, thread_id, detail, at from operation_history where key = %(key)s order by id

-- operation_by_hand: A person did what the tool was to do. Whatever is there already is left as it is.
insert into operation (key, revision, tenant, thread_id, tool, proposal_id, request_hash, state, results, summary, finished_at)
values (%(key)s, 1, %(tenant)s, %(thread_id)s, %(tool)s, %(proposal_id)s, %(request_hash)s, 'succeeded', %(results)s, %(summary)s, now())
on conflict (key, revision) do update
set state = 'succeeded', results = excluded.results, summary = excluded.summary, finished_at = now(), failure = null,
    request_hash = excluded.request_hash, proposal_id = excluded.proposal_id, thread_id = excluded.thread_id
where operation.state = 'failed' and not exists (
  select from operation newer where newer.key = operation.key and newer.revision > operation.revision)
returning fence, attempt

-- secret_store: What a person entered for a tool, sealed; the last one counts.
insert into secret (thread_id, tool, name, tenant, sealed, given_by)
values (%(thread_id)s, %(tool)s, %(name)s, %(tenant)s, %(sealed)s, %(given_by)s)
on conflict (thread_id, tool, name) do update set sealed = excluded.sealed, given_by = excluded.given_by, given_at = now()

-- secret_take: The tool has it now, and nobody else.
delete from secret where thread_id = %(thread_id)s and tool = %(tool)s and name = %(name)s returning sealed

-- spend_lock: Rows of limits, made if need be and held in the given order, which is the same everywhere.
insert into spend (scope, unit, "window", "limit")
select * from unnest(%(scopes)s::text[], %(units)s::text[], %(windows)s::text[], %(limits)s::bigint[])
on conflict (scope, unit, "window") do update set "limit" = excluded."limit"
returning scope, unit, "window", "limit", granted, reserved, used

-- spend_read: The same rows, to look at only.
select spend.* from spend
join unnest(%(scopes)s::text[], %(units)s::text[], %(windows)s::text[]) as asked (scope, unit, "window") using (scope, unit, "window")

-- spend_take: Reserve or use so much of rows that are held.
with taken as (
  select * from unnest(%(scopes)s::text[], %(units)s::text[], %(windows)s::text[], %(held)s::bigint[], %(used)s::bigint[],
                       %(granted)s::bigint[]) as taken (scope, unit, "window", held, used, granted)
), holds as (
  insert into spend_hold (holder, scope, unit, "window", amount)
  select %(holder)s::text, scope, unit, "window", held from taken where held > 0
)
update spend
set reserved = spend.reserved + taken.held, used = spend.used + taken.used, granted = spend.granted + taken.granted
from taken where (spend.scope, spend.unit, spend."window") = (taken.scope, taken.unit, taken."window")

-- spend_settle: What was held is over: the units in `full` were used, of tokens and money what is said, the rest is free.
with held as (
  select spend.scope, spend.unit, spend."window", hold.amount
  from spend_hold hold join spend using (scope, unit, "window") where hold.holder = %(holder)s
  order by spend.scope collate "C", spend.unit collate "C", spend."window" collate "C" for update of spend
), gone as (
  delete from spend_hold where holder = %(holder)s
)
update spend
set reserved = spend.reserved - held.amount,
    used = spend.used + case when held.unit = any(%(full)s::text[]) then held.amount
                             when held.unit = 'tokens' then %(tokens)s::bigint
                             when held.unit = 'money' then %(money)s::bigint else 0 end
from held where (spend.scope, spend.unit, spend."window") = (held.scope, held.unit, held."window")

-- spend_until: When model calls without an answer count in full.
update spend_hold set until = %(until)s where holder = %(holder)s

-- spend_lapse: Model calls that can no longer be under way and were never settled; of rows that are held.
with lapsed as (
  delete from spend_hold using unnest(%(scopes)s::text[], %(units)s::text[], %(windows)s::text[]) as asked (scope, unit, "window")
  where (spend_hold.scope, spend_hold.unit, spend_hold."window") = (asked.scope, asked.unit, asked."window") and until < now()
  returning spend_hold.scope, spend_hold.unit, spend_hold."window", amount
), totals as (
  select scope, unit, "window", sum(amount)::bigint as amount from lapsed group by scope, unit, "window"
)
update spend set reserved = reserved - totals.amount, used = used + totals.amount
from totals where (spend.scope, spend.unit, spend."window") = (totals.scope, totals.unit, totals."window")

-- spend_grant: A person allows more of one row, which need not be there: what did not fit has left nothing.
insert into spend (scope, unit, "window", "limit", granted) values (%(scope)s, %(unit)s, %(window)s, %(most)s, %(more)s)
on conflict (scope, unit, "window") do update set granted = spend.granted + excluded.granted

-- spend_list: What is reserved and used of the limits of some scopes.
select * from spend where scope = any(%(scopes)s) and "window" = any(%(windows)s) order by scope, unit

-- spend_agents: Agents (tenant/domain) that have a thread.
select distinct tenant, domain from thread order by tenant, domain limit %(limit)s

-- lockdown_hold_off: No switch is made while this transaction runs.
select pg_advisory_xact_lock_shared(7223001206)

-- lockdown_switching: No claim is under way while this transaction runs.
select pg_advisory_xact_lock(7223001206)

-- lockdown_say: A switch is made; the last line of its domain and environment holds.
insert into lockdown (state, domain, environment, reason, actor, verified)
values (%(state)s, %(domain)s, %(environment)s, %(reason)s, %(by)s, %(verified)s)

-- lockdown_switches: What is on.
select * from (select distinct on (domain, environment) * from lockdown order by domain, environment, number desc) last
where state = 'on' order by number

-- lockdown_in_force: What is on for one agent of a domain in one environment.
select * from (
  select distinct on (domain, environment) * from lockdown
  where (domain is null or domain in (%(domain)s, %(agent)s)) and (environment is null or environment = %(environment)s)
  order by domain, environment, number desc) last
where state = 'on' order by number

-- artifact_put: Content once per tenant; what is put again is in use, which keeps it from being pruned meanwhile.
insert into artifact (tenant, sha256, media, source, trust, content, refers)
values (%(tenant)s, %(sha256)s, %(media)s, %(source)s, %(trust)s, %(content)s, %(refers)s)
on conflict (tenant, sha256) do update set used_at = now() where artifact.used_at < now() - interval '1 hour'

-- artifact_read: Contents by hash.
select sha256, content from artifact where tenant = %(tenant)s and sha256 = any(%(sha256s)s)

-- artifact_of_thread: Contents that the tasks, events and reviews of threads name, and those that these name, such as the pages of a fetch.
with recursive thread_of as (select tenant, task::text as text from thread where id = any(%(ids)s)),
said as (
  select text from thread_of
  union all select body::text from event where thread_id = any(%(ids)s)
  union all select concat_ws(' ', request, decision) from review where thread_id = any(%(ids)s)
), named (sha256) as (
  select match[1] from said, regexp_matches(text, '[0-9a-f]{64}', 'g') as match
  union
  select unnest(artifact.refers) from named join artifact using (sha256) join thread_of using (tenant)
)
select distinct artifact.sha256, artifact.content
from artifact join named using (sha256) join thread_of using (tenant)

-- artifact_media: What kind of content is behind a hash.
select sha256, media from artifact where tenant = %(tenant)s and sha256 = any(%(sha256s)s)

-- thread_tasks: Threads with their tasks, in order, from behind `after`.
select id, tenant, domain, task from thread where id > %(after)s order by id limit %(limit)s

-- document_save: A further revision of a working document.
insert into document (thread_id, name, revision, tenant, sha256)
select %(thread_id)s, %(name)s, coalesce(max(revision), 0) + 1, %(tenant)s, %(sha256)s
from document where thread_id = %(thread_id)s and name = %(name)s
returning revision

-- model_call_insert: A model call, recorded before its answer is used.
insert into model_call (id, tenant, thread_id, task_id, attempt, purpose, model, parameters, messages, answer, error, input_tokens, output_tokens, cost, started_at, latency_ms, release)
values (%(id)s, %(tenant)s, %(thread_id)s, %(task_id)s, %(attempt)s, %(purpose)s, %(model)s, %(parameters)s, %(messages)s, %(answer)s, %(error)s, %(input_tokens)s, %(output_tokens)s, %(cost)s, %(started_at)s, %(latency_ms)s, %(release)s)

-- model_call_list: The model calls of a thread, in the order in which they were made.
select id, task_id, attempt, purpose, model, parameters, messages, answer, error, started_at
from model_call where thread_id = %(id)s order by started_at, id

-- costs_by_thread: Tokens, cost and latency of model calls since then, by thread; cost is null when no price is known.
select thread.id as thread_id, thread.subject, thread.tenant, max(model_call.started_at) as last_call, count(*) as calls,
       count(*) filter (where error is not null) as failed, coalesce(sum(input_tokens), 0) as input_tokens,
       coalesce(sum(output_tokens), 0) as output_tokens, sum(cost) as cost, count(*) filter (where cost is null) as unpriced,
       sum(latency_ms) / 1000 as seconds, percentile_disc(0.5) within group (order by latency_ms) as latency_p50_ms
from model_call join thread on thread.id = model_call.thread_id
where (%(since)s::timestamptz is null or model_call.started_at >= %(since)s) and (%(id)s::text is null or thread.id = %(id)s)
group by thread.id order by max(model_call.started_at) desc limit %(limit)s

-- costs_by_keyword: The same by what threads are about, of each tenant.
select thread.subject, thread.tenant, count(distinct thread.id) as threads, count(*) as calls,
       count(*) filter (where error is not null) as failed, coalesce(sum(input_tokens), 0) as input_tokens,
       coalesce(sum(output_tokens), 0) as output_tokens, sum(cost) as cost, count(*) filter (where cost is null) as unpriced,
       sum(latency_ms) / 1000 as seconds, percentile_disc(0.5) within group (order by latency_ms) as latency_p50_ms
from model_call join thread on thread.id = model_call.thread_id
where (%(since)s::timestamptz is null or model_call.started_at >= %(since)s) and (%(id)s::text is null or thread.id = %(id)s)
group by thread.subject, thread.tenant order by sum(cost) desc nulls last, sum(output_tokens) desc nulls last, subject
limit %(limit)s

-- costs_by_day: The same by day, in UTC.
select (model_call.started_at at time zone 'UTC')::date as day, count(distinct model_call.thread_id) as threads, count(*) as calls,
       count(*) filter (where error is not null) as failed, coalesce(sum(input_tokens), 0) as input_tokens,
       coalesce(sum(output_tokens), 0) as output_tokens, sum(cost) as cost, count(*) filter (where cost is null) as unpriced,
       sum(latency_ms) / 1000 as seconds, percentile_disc(0.5) within group (order by latency_ms) as latency_p50_ms
from model_call
where (%(since)s::timestamptz is null or started_at >= %(since)s) and (%(id)s::text is null or thread_id = %(id)s)
group by day order by day desc limit %(limit)s

-- replayable_count: How many threads were started since then and have been run.
select count(*) as threads from thread where (%(since)s::timestamptz is null or created_at >= %(since)s) and epoch > 0

-- replayable: Threads that were started since then and have been run, a chunk at a time.
select id from thread
where (%(since)s::timestamptz is null or created_at >= %(since)s) and epoch > 0 and id > %(after)s
order by id limit %(limit)s

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

-- prune_spend: Limits of minutes and days that ended long ago, of which nothing is held.
delete from spend where "window" <> 'ever' and begun_at < %(before)s and reserved = 0

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
