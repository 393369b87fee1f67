-- thread_insert: A new thread, queued.
insert into thread (id, tenant, domain, subject, environment, task, requester, model, graph_version, release, behaviour_versions)
values (%(id)s, %(tenant)s, %(domain)s, %(subject)s, %(environment)s, %(task)s, %(requester)s, %(model)s, %(graph_version)s, %(release)s, %(behaviour_versions)s)
on conflict (id) do nothing

-- thread_by_prefix: Threads whose id starts so; two rows are enough to know that it is ambiguous.
select * from thread where starts_with(id, %(prefix)s) order by created_at desc limit 2

-- thread_list: Newest threads first.
select id as thread_id, tenant, domain, subject, status, model, requester, created_at, updated_at, ending,
       (select 'r-' || min(number) from review where review.thread_id = thread.id and state = 'open') as review_id
from thread
where (%(status)s::text is null or status = %(status)s)
order by created_at desc, id
limit %(limit)s

-- thread_lock: Hold a thread's row; everything that writes events does so under it.
select id, tenant, status, epoch, last_seq, last_hash, wake from thread where id = %(id)s for update

-- thread_advance: After a transition: the end of the chain, and a status when it changes.
update thread
set last_seq = %(last_seq)s, last_hash = %(last_hash)s, status = coalesce(%(status)s, status),
    ending = coalesce(%(ending)s, ending), updated_at = now()
where id = %(id)s

-- thread_take_lease: Become the only runner of a thread; a new epoch fences whoever had it before.
update thread
set lease_owner = %(owner)s, lease_until = now() + %(seconds)s * interval '1 second', epoch = epoch + 1,
    status = %(status)s, updated_at = now()
where id = %(id)s and status = %(was)s and (lease_until is null or lease_until < now())
returning epoch, wake

-- thread_renew_lease: Keep it, unless someone else has it by now.
update thread set lease_until = now() + %(seconds)s * interval '1 second' where id = %(id)s and epoch = %(epoch)s

-- thread_release_lease: Give it back, unless a decision came meanwhile (then nothing is updated, and the runner goes on).
update thread set lease_owner = null, lease_until = null
where id = %(id)s and epoch = %(epoch)s and wake = %(wake)s

-- thread_abandon_lease: Give it back whatever came; a thread that is left in the middle waits for another runner.
update thread set lease_owner = null, lease_until = null, status = case status when 'running' then 'queued' else status end
where id = %(id)s and epoch = %(epoch)s

-- thread_lease: Who runs a thread, and for how long that is promised.
select lease_owner, greatest(0, extract(epoch from lease_until - now()))::float8 as seconds_left, wake from thread where id = %(id)s

-- thread_decided: Threads with a decision that no run has taken up, oldest decision first.
select thread.id as thread_id, thread.wake
from thread join review on review.thread_id = thread.id
where review.state = 'decided' and thread.status in ('waiting', 'queued')
  and (thread.lease_until is null or thread.lease_until < now())
order by review.decided_at

-- thread_wake: Count a decision or a stop.
update thread set wake = wake + 1 where id = %(id)s

-- event_insert: One link of the chain.
insert into event (thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)

-- event_list: A thread's timeline.
select thread_id, seq, kind, class, actor, at, checkpoint_id, body, prev_hash, hash
from event where thread_id = %(id)s order by seq

-- review_insert: A review for an interrupt, once; a re-raised interrupt changes nothing.
insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash, request)
values (%(tenant)s, %(thread_id)s, %(kind)s, %(interrupt_id)s, %(checkpoint_id)s, %(task_type)s, %(action_hash)s, %(request)s)
on conflict (thread_id, interrupt_id) do nothing
returning number

-- review_lock: A review's row, held.
select * from review where number = %(number)s for update

-- review_get: One review with its thread.
select review.*, thread.subject, thread.status as thread_status, thread.requester, thread.environment, thread.behaviour_versions
from review join thread on thread.id = review.thread_id where number = %(number)s

-- review_decide: The one compare-and-set of a decision.
update review
set state = 'decided', answer = %(answer)s, decision = %(decision)s, decided_hash = %(decided_hash)s,
    decided_by = %(by)s, decided_at = now(), verified = %(verified)s
where number = %(number)s and state = 'open'

-- review_release: The run has taken the decision up.
update review set state = 'released' where number = %(number)s and state = 'decided'

-- review_waiting: Open and decided, not yet released reviews of one thread.
select number, state, kind, interrupt_id, decision from review
where thread_id = %(id)s and state in ('open', 'decided') order by number

-- review_approver: Who approved exactly this proposal.
select decided_by from review
where thread_id = %(id)s and decided_hash = %(hash)s and answer in ('approve', 'edit') and state in ('decided', 'released')
order by number desc limit 1

-- review_inbox: What waits for people, newest first.
select review.number, review.thread_id, review.tenant, review.kind, review.task_type, review.request, review.opened_at,
       thread.subject, thread.status
from review join thread on thread.id = review.thread_id
where review.state = 'open' and (%(tenant)s::text is null or review.tenant = %(tenant)s)
order by review.number desc
limit %(limit)s

-- outcome_insert: What a person made of a proposal.
insert into outcome (tenant, thread_id, review, task_type, behaviour_version, proposal_hash, final_hash, answer, changed, reason_code, actor)
values (%(tenant)s, %(thread_id)s, %(review)s, %(task_type)s, %(behaviour_version)s, %(proposal_hash)s, %(final_hash)s, %(answer)s, %(changed)s, %(reason_code)s, %(actor)s)

-- outcome_history: How often people changed proposals of a type.
select count(*) filter (where changed) as changed, count(*) as decided
from outcome where tenant = %(tenant)s and task_type = %(task_type)s

-- operation_claim: Claim an idempotency key; nothing comes back when it was claimed before.
insert into operation (key, tenant, thread_id, tool, proposal_id, request_hash, state)
values (%(key)s, %(tenant)s, %(thread_id)s, %(tool)s, %(proposal_id)s, %(request_hash)s, 'started')
on conflict (key, revision) do nothing
returning fence, attempt

-- operation_lock: The operation under a key, held.
select * from operation where key = %(key)s for update

-- operation_take_over: An attempt whose runner is gone; the new fence shuts it out.
update operation set state = 'started', fence = fence + 1, attempt = attempt + 1, thread_id = %(thread_id)s,
  proposal_id = %(proposal_id)s, request_hash = %(request_hash)s, started_at = now(), finished_at = null, failure = null
where key = %(key)s
returning fence, attempt

-- operation_settle: Record how it ended, unless another attempt has taken over.
update operation set state = %(state)s, results = %(results)s, summary = %(summary)s, failure = %(failure)s, finished_at = now()
where key = %(key)s and fence = %(fence)s and state = 'started'

-- artifact_put: Content once per tenant.
insert into artifact (tenant, sha256, media, source, trust, content)
values (%(tenant)s, %(sha256)s, %(media)s, %(source)s, %(trust)s, %(content)s)
on conflict (tenant, sha256) do nothing

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
