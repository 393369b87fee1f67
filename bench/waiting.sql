-- So many reviews that wait and can be opened: proposals of four task types, over ten days, some of them of high risk.
with chosen as (
  select id, row_number() over (order by id) as i from thread where status not in ('stopped') order by id limit %(waiting)s
), waiting as (
  update thread set status = 'waiting' from chosen where thread.id = chosen.id
  returning thread.id, thread.tenant, thread.subject, thread.priority, i
), gone as (
  update review set state = 'withdrawn' where state = 'open' returning number
)
insert into review (tenant, thread_id, kind, interrupt_id, checkpoint_id, task_type, action_hash, subject, priority, batch, request, opened_at)
select tenant, id, 'action', 'w' || md5(id), md5(id), task, md5(id) || md5(id), subject, priority, i %% 40,
       json_build_object(
         'kind', 'action', 'task_type', task, 'tier', case when i %% 10 = 0 then 'irreversible' else 'reversible' end,
         'risk', (array['low', 'normal', 'high'])[i %% 3 + 1], 'reason', case when i %% 10 = 0 then 'irreversible-needs-person' else 'score' end,
         'action_requests', json_build_array(json_build_object('name', task, 'description', 'proposal for ' || subject,
           'args', json_build_object('angle', repeat('Choose for the second one. ', 10), 'reader', 'A founder', 'position_id', '', 'differs_because', 'The others do not say so.'))),
         'review_configs', json_build_array(json_build_object('action_name', task, 'allowed_decisions', json_build_array('approve', 'edit', 'reject'))),
         'why', json_build_array('Nothing like it was decided before.', 'Score 0.67; nothing is certified for this task yet, so any score asks.'),
         'score', json_build_object('low_confidence', 0.5, 'novelty', 1, 'historical_need', 0.5, 'total', 0.6667, 'threshold', null, 'band', 'review', 'reasons', json_build_array()),
         'rules', json_build_array(), 'approving_will', 'store this angle; outline and sections follow it.', 'proposal_id', md5(id),
         'evidence', (select json_agg(json_build_object('label', 'page ' || n, 'source', 'https://example.org/' || md5(id || n), 'trust', 'untrusted')) from generate_series(1, 10) n)),
       now() - i * interval '86 seconds'
from (select *, (array['set_intent', 'set_angle', 'set_outline', 'save_draft'])[i %% 4 + 1] as task from waiting) each
