-- threads: As many as asked for, over ninety days and twenty tenants, of which the first has two fifths of them.
insert into thread (id, tenant, domain, subject, status, environment, task, requester, model, graph_version, release,
                    behaviour_versions, priority, epoch, last_seq, wake_at, lease_owner, lease_until, created_at, updated_at)
select substr(md5(i::text), 1, 10), 'tenant-' || case when i %% 5 < 2 then 0 else i %% 19 + 1 end, 'seo', 'keyword ' || i,
       status, 'production',
       json_build_object('domain', 'seo', 'keyword', 'keyword ' || i, 'locale', 'en-US', 'profile', md5(i::text), 'slug', 'keyword-' || i),
       'sam', 'gpt-4.1-mini', 1, substr(md5('release'), 1, 16), '{"set_intent": "a", "set_angle": "b"}',
       i %% 3, case status when 'queued' then 0 else 3 end, %(events)s,
       case when status = 'failed' and i %% 7 = 0 then now() + interval '1 hour' end,
       case status when 'running' then 'host:1' end, case status when 'running' then now() + interval '1 hour' end,
       at, at + interval '1 hour'
from (select i, now() - (%(threads)s - i) * (interval '90 days' / %(threads)s) as at,
             case when shuffled < 30 then 'waiting' when shuffled < 70 then 'failed' when shuffled < 90 then 'stopped'
                  when shuffled < 240 then 'queued' when shuffled = 240 then 'running' else 'done' end as status
      from (select i, (i * 7919) %% 1000 as shuffled from generate_series(1, %(threads)s) i) numbered) placed

-- events: A thread's lie far apart, as they do when threads run side by side.
insert into event (thread_id, seq, tenant, kind, class, actor, at, checkpoint_id, body, prev_hash, hash)
select id, seq, tenant,
       (array['decision', 'policy_check', 'escalation', 'review_requested', 'review_decided', 'tool_call', 'tool_result', 'lease_taken'])[seq %% 8 + 1],
       case seq %% 8 when 7 then 'observed' else 'decided' end, 'agent', created_at + seq * interval '1 minute',
       '1f1e5c49-0a97-6d15-80f2-' || substr(digest, 1, 12),
       json_build_object('proposal', digest, 'action', 'write_section', 'action_hash', digest || digest, 'outcome', 'allow',
                         'rules', array['reversible-is-allowed'], 'reasons', array['it can be undone'], 'artifact', digest || digest),
       digest || digest, digest || digest
from generate_series(1, %(events)s) seq cross join thread cross join lateral md5(id || seq) digest

-- reviews: One that is open for each waiting thread, two that are over for each that is done.
insert into review (tenant, thread_id, kind, state, interrupt_id, checkpoint_id, task_type, action_hash, request, opened_at,
                    answer, decided_hash, decided_by, decided_at, verified)
select tenant, id, 'action', case status when 'waiting' then 'open' else 'released' end, md5(id || n), md5(id || n), 'set_angle',
       md5(id) || md5(id), json_build_object('task_type', 'set_angle', 'why', (select string_agg(md5(id || n || part), ' ') from generate_series(1, 45) part)),
       created_at + n * interval '1 minute', case status when 'done' then 'approve' end,
       case status when 'done' then md5(id) || md5(id) end, case status when 'done' then 'dana' end,
       case status when 'done' then created_at + interval '1 hour' end, case status when 'done' then true end
from thread cross join generate_series(1, 2) n
where status = 'waiting' and n = 1 or status = 'done'
order by created_at
